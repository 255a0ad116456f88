-- Several gateways, parts, several refunds of a bill, a ledger that statements can be held against, receipts for good.

-- No table can be changed while a check of it is put off to the end.
set constraints all immediate;

alter table bill
    add column code text not null default '',
    add column agency_name text not null default '',
    add column procedure text not null default '',
    add column procedure_name text not null default '',
    add column past jsonb not null default '[]',
    add column captures jsonb not null default '[]',
    add column refunds jsonb not null default '[]',
    add column receipts jsonb not null default '[]';

-- Money of a bill that had closed was no fee: it was kept apart.
update bill set captures = jsonb_build_array(captured || jsonb_build_object(
    'capture_id', captured -> 'attempt_id', 'gateway', 'stripe',
    'use', case when (state = 'discrepancy' or refund ->> 'unexpected' = 'true') then 'apart' else 'fees' end))
where captured is not null;
update bill set refunds = jsonb_build_array(refund - 'lines' || jsonb_build_object(
    'capture_id', captured -> 'attempt_id', 'gateway', 'stripe',
    'state', case state when 'refunded' then 'done' when 'refund_failed' then 'refused' else 'ready' end,
    'failure', case state when 'refund_failed' then 'refused' end,
    'lines', (select coalesce(jsonb_agg(jsonb_build_object('code', line -> 'code', 'beneficiary', line -> 'beneficiary',
        'amount', line -> 'amount')), '[]') from jsonb_array_elements(refund -> 'lines') as line)))
where refund is not null;
-- Stripe's pages stand for an hour.
update bill set attempt = attempt || jsonb_build_object('gateway', 'stripe', 'amount', amount,
    'began', (attempt ->> 'closes_at')::timestamptz - interval '1 hour')
where attempt is not null;
-- What is owed to citizens has an account of its own from now on.
with owed as (
    select bill.*, case state when 'refund_ready' then (refund ->> 'refund_id')::uuid else gen_random_uuid() end as id
    from bill where state in ('refund_ready', 'refund_failed')
), source as (
    select id, dossier_code, bill_id, 'suspense' as account, (refund ->> 'amount')::bigint as amount
    from owed where refund ->> 'unexpected' = 'true'
    union all
    select id, dossier_code, bill_id, 'fee:' || (line ->> 'beneficiary'), (line ->> 'amount')::bigint
    from owed, jsonb_array_elements(refund -> 'lines') as line where refund ->> 'unexpected' is distinct from 'true'
), line as (
    select id, dossier_code, bill_id, account, amount as debit, 0 as credit from source where amount > 0
    union all
    select id, dossier_code, bill_id, 'refunds', 0, sum(amount) from source group by id, dossier_code, bill_id
)
insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason)
select id, row_number() over (partition by id) - 1, dossier_code, bill_id, account, debit, credit, 'refund' from line;
update bill set state = case
    when refund ->> 'unexpected' = 'true' and void_reason is not null then 'cancelled'
    when refund ->> 'unexpected' = 'true' then 'expired' else 'paid' end
where state in ('refund_ready', 'refunded', 'refund_failed');

-- Receipts are numbered in the transaction of the money, and kept as they were issued.
alter table receipt rename to receipt_before;
create table receipt (
    number text primary key,
    year int not null,
    ordinal int not null,
    dossier_code text not null,
    bill_id uuid not null,
    agency text not null,
    amount bigint not null check (amount > 0),
    lines jsonb not null,
    issued_at timestamptz not null,
    replaces text unique references receipt,
    unique (year, ordinal)
);
create index receipt_of_bill on receipt (bill_id);
create table receipt_end (
    number text primary key references receipt,
    kind text not null check (kind in ('replaced', 'cancelled')),
    reason text not null,
    ended_at timestamptz not null
);
insert into receipt (number, year, ordinal, dossier_code, bill_id, agency, amount, lines, issued_at)
select year || '/' || lpad(number::text, 8, '0'), year, number, old.dossier_code, bill_id, agency, old.amount,
    fee_lines, issued_at
from receipt_before as old join bill using (bill_id);
update bill set receipts = jsonb_build_array(jsonb_build_object(
    'number', receipt.number, 'amount', receipt.amount, 'issued_at', receipt.issued_at))
from receipt where receipt.bill_id = bill.bill_id;
insert into series (name, last) select 'receipt ' || year, last from receipt_counter;
-- Nobody numbers receipts in a call any more: a paid bill without one gets it when it is asked about.
delete from call where kind = 'IssueReceipt';
drop table receipt_before, receipt_counter;
revoke update, delete, truncate on receipt, receipt_end from payments;

alter table bill drop column captured, drop column refund, drop column receipt_number;
drop index if exists bill_attempt;

-- A payment code is what payers write: it names its bill.
create unique index bill_code on bill (code) where code <> '';
create index bill_of_agency on bill (agency, bill_id desc);
create index bill_of_person on bill (person_id, bill_id desc);

create table attempt (
    attempt_id uuid primary key,
    key text not null references bill,
    gateway text not null,
    session_id text,
    amount bigint not null,
    began timestamptz not null,
    closes_at timestamptz not null
);
create index attempt_began on attempt (gateway, began);
insert into attempt (attempt_id, key, gateway, session_id, amount, began, closes_at)
select (attempt ->> 'attempt_id')::uuid, key, 'stripe', attempt ->> 'session_id', amount,
    (attempt ->> 'began')::timestamptz, (attempt ->> 'closes_at')::timestamptz
from bill where attempt is not null;

-- Entries of money that belongs to no bill (yet) name none; those of a clearing account name the gateway's reference.
alter table ledger_entry
    alter column dossier_code drop not null,
    alter column bill_id drop not null,
    add column reference text;
update ledger_entry set reference = capture ->> 'reference'
from bill, jsonb_array_elements(captures) as capture
where transaction_id = (capture ->> 'attempt_id')::uuid and account like 'gateway:%';
update ledger_entry set reference = refund ->> 'reference'
from bill, jsonb_array_elements(refunds) as refund
where transaction_id = (refund ->> 'refund_id')::uuid and account like 'gateway:%';
create index ledger_of_reference on ledger_entry (account, reference) where reference is not null;
revoke truncate on ledger_entry from payments;

-- A transaction's lines come in one statement, which is looked at as a whole: none is added to a transaction later.
drop trigger ledger_balances on ledger_entry;
drop function ledger_balances;
create function ledger_balances() returns trigger language plpgsql set enable_seqscan = off as $$
declare wrong uuid;
begin
    -- Each transaction by its key: a plan for all at once would read the whole ledger for every statement.
    select transaction_id into wrong
    from (select transaction_id, count(*) as lines from added group by transaction_id) as now_added
    cross join lateral (
        select count(*) as all_lines, sum(debit) - sum(credit) as left_over
        from ledger_entry where ledger_entry.transaction_id = now_added.transaction_id
    ) as whole
    where left_over <> 0 or all_lines <> lines limit 1;
    if found then
        raise exception 'ledger transaction % does not balance, or was closed before', wrong
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger ledger_balances after insert on ledger_entry
    referencing new table as added for each statement execute function ledger_balances();
