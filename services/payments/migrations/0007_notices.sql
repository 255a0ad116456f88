-- What became of a webhook's money: taken or asked about (done), or neither. raised: it is a difference, for nobody else
-- will tell of it.
alter table ring drop constraint ring_outcome_check;
alter table ring add constraint ring_outcome_check
    check (outcome in ('done', 'nothing', 'unknown_bill', 'not_taken', 'raised'));

-- A refund that came back is found beside the one that went.
create index statement_line_of_refund on statement_line (refund_id) where refund_id is not null;
