-- What operators order about parked records, and what became of it. The orders are the audit: they live as long as the
-- records they speak of.

-- When a record may be tried again after it failed, and how often it did.
alter table parked add column tries int not null default 0, add column retry_at timestamptz;
create index parked_closed on parked (closed_at) where closed_at is not null;

create table parked_order (
    id uuid primary key,
    consumer text not null,
    topic text not null,
    partition int not null,
    "offset" bigint not null,
    action text not null check (action in ('redrive', 'discard')),
    ordered_by text not null check (ordered_by <> ''),
    login text not null default session_user,
    reason text not null check (reason <> '' or action = 'redrive'),
    ordered_at timestamptz not null default now(),
    due_at timestamptz not null,
    tries int not null default 0,
    note text,
    outcome text check (outcome in ('redriven', 'duplicate', 'discarded', 'failed', 'gone', 'withdrawn')),
    done_at timestamptz,
    check ((outcome is null) = (done_at is null)),
    foreign key (consumer, topic, partition, "offset") references parked on delete cascade
);
create unique index parked_order_open on parked_order (consumer, topic, partition, "offset") where done_at is null;
create index parked_order_due on parked_order (consumer, topic, due_at) where done_at is null;
create index parked_order_record on parked_order (consumer, topic, partition, "offset");
