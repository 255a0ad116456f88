-- Webhooks ("rings"), kept before they are answered and worked off afterwards.

create table ring (
    gateway text not null,
    event_id text not null,
    kind text not null,
    body bytea not null,
    heard_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    leased_until timestamptz,
    lease uuid,
    tries int not null default 0,
    last_error text,
    done_at timestamptz,
    outcome text check (outcome in ('done', 'nothing', 'unknown_bill')),
    primary key (gateway, event_id),
    check ((outcome is null) = (done_at is null))
);
-- Room on every page for the row that a claim writes, so that no index learns of it.
alter table ring set (fillfactor = 60);
-- A bill is written again a handful of times, each time into seven indexes where its page has no room.
alter table bill set (fillfactor = 50);
create index ring_waiting on ring (due_at) where done_at is null;
-- Copies are known by it for as long as they may come; then rows are deleted in this order.
create index ring_done on ring (done_at) where done_at is not null;
