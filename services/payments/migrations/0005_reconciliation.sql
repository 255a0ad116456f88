-- Gateways' statements, what dossiers say of their fees, and what of the three does not agree.

-- What dossiers.v1 says of a dossier, as far as its money is concerned. Written once an event: room for the next row.
create table dossier_fact (
    code text primary key,
    version int not null,
    sequence int not null,
    traceparent text,
    last int not null,
    reached text check (reached in ('acceptance', 'result')),
    fees_asked bigint not null,
    asked_at timestamptz,
    waiting_since timestamptz,
    ended text check (ended in ('refused', 'stopped')),
    ended_at timestamptz,
    accepted boolean not null
) with (fillfactor = 80);
create index dossier_fact_asked on dossier_fact (asked_at) where asked_at is not null;
create index dossier_fact_waiting on dossier_fact (waiting_since) where waiting_since is not null;
create index dossier_fact_ended on dossier_fact (ended_at) where ended_at is not null;

-- Lines as gateways told them last. `incoming`: what the gateway holds for us grows. `purpose` is what a payer wrote, kept
-- only where nothing else says whose the money is.
create table statement_line (
    gateway text not null,
    line text not null,
    kind text not null check (kind in ('capture', 'refund', 'refund_returned', 'other')),
    incoming boolean not null,
    reference text not null,
    amount bigint not null check (amount >= 0),
    currency text not null,
    at timestamptz not null,
    fee bigint not null,
    attempt_id uuid,
    refund_id uuid,
    payment_code text,
    purpose text not null,
    note text not null,
    primary key (gateway, line)
);
create index statement_line_of_reference on statement_line (gateway, reference);
create index statement_line_foreign on statement_line (at) where currency <> 'VND';

-- How far a statement was read that is looked at all the time.
create table statement_cursor (
    gateway text primary key,
    cursor text not null
);

create table reconciliation_run (
    run_id uuid primary key,
    gateway text not null,
    day date,
    since timestamptz not null,
    until timestamptz not null,
    asked_by text not null,
    asked_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    tries int not null default 0,
    lines bigint not null default 0,
    finished_at timestamptz,
    error text,
    report jsonb
);
create index reconciliation_run_waiting on reconciliation_run (due_at) where finished_at is null;
create index reconciliation_run_asked on reconciliation_run (gateway, asked_at desc);

create table difference (
    key text primary key,
    difference_id uuid not null unique,
    version int not null,
    sequence int not null,
    traceparent text,
    subject text not null,
    gateway text not null,
    kind text not null,
    reference text not null,
    state text not null,
    incoming boolean not null,
    expected bigint not null,
    found bigint not null,
    amount bigint generated always as (abs(found - expected)) stored,
    currency text not null,
    at timestamptz not null,
    found_at timestamptz not null,
    dossier_code text,
    bill_id uuid,
    attempt_id uuid,
    money_id uuid,
    apart bigint not null,
    postings int not null,
    refund_id uuid,
    refund_reference text,
    bill_assigned uuid,
    reason text,
    by text
);
create index difference_open on difference (gateway, found_at) where state = 'open';
create index difference_found on difference (found_at, difference_id);
create index difference_unsettled on difference (gateway) where state in ('open', 'explained');
create index difference_refund on difference (refund_id) where refund_id is not null;

-- Refunds that have not gone yet.
create index bill_refunding on bill (key)
    where jsonb_path_exists(refunds, '$[*] ? (@.state == "ready" || @.state == "by_hand" || @.state == "refused")');

-- Pages from before attempts were written down.
insert into attempt (attempt_id, key, gateway, session_id, amount, began, closes_at)
select (attempt ->> 'attempt_id')::uuid, key, attempt ->> 'gateway', attempt ->> 'session_id', amount,
    (attempt ->> 'closes_at')::timestamptz - interval '1 hour', (attempt ->> 'closes_at')::timestamptz
from bill where attempt is not null
on conflict do nothing;
insert into attempt (attempt_id, key, gateway, session_id, amount, began, closes_at)
select (capture ->> 'attempt_id')::uuid, bill.key, capture ->> 'gateway', capture ->> 'session_id',
    (capture ->> 'amount')::bigint, (capture ->> 'paid_at')::timestamptz - interval '1 hour',
    (capture ->> 'paid_at')::timestamptz
from bill, jsonb_array_elements(bill.captures) as capture
where capture ->> 'attempt_id' is not null
on conflict do nothing;
