-- Refunds of money that is no đồng stand in no ledger: a statement's line finds their bill by the refund itself.

create index bill_other_money_back on bill using gin (refunds jsonb_path_ops)
    where jsonb_path_exists(refunds, '$[*] ? (@.currency != "VND")');
