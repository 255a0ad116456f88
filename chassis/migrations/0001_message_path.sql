-- What every service's database needs to hear, decide and speak.

-- Columns as Debezium's outbox event router reads them; `aggregatetype` is the topic, `aggregateid` the key.
create table outbox (
    id uuid primary key,
    position bigint not null generated always as identity (cache 1),
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload bytea,
    headers jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    published_at timestamptz
);
create unique index outbox_unpublished on outbox (position) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;

create table inbox (
    consumer text not null,
    event_id uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_received on inbox using brin (received_at);

-- A key is blocked for one consumer and topic exactly while it has an open row in `parked`.
create table parked_key (
    consumer text not null,
    topic text not null,
    key text not null,
    primary key (consumer, topic, key)
);
create table parked (
    consumer text not null,
    topic text not null,
    partition int not null,
    "offset" bigint not null,
    key text not null,
    open_key text,
    state text not null check (state in ('parked', 'held', 'redriven', 'duplicate', 'discarded')),
    record_key bytea,
    value bytea,
    headers jsonb not null,
    error text,
    traceparent text,
    parked_at timestamptz not null default now(),
    closed_at timestamptz,
    primary key (consumer, topic, partition, "offset"),
    foreign key (consumer, topic, open_key) references parked_key,
    check ((open_key is not null) = (state in ('parked', 'held')))
);
create index parked_open on parked (consumer, topic, open_key, "offset") where open_key is not null;
create index parked_heads on parked (consumer, parked_at) where state = 'parked';

create table timer (
    id uuid primary key,
    kind text not null,
    aggregate text not null,
    key text not null,
    body jsonb not null,
    due_at timestamptz not null,
    leased_until timestamptz,
    traceparent text,
    unique (aggregate, key, kind)
);
create index timer_due on timer (due_at);

create table call (
    id uuid primary key,
    kind text not null,
    aggregate text not null,
    key text not null,
    body jsonb not null,
    due_at timestamptz not null default now(),
    leased_until timestamptz,
    tries int not null default 0,
    last_error text,
    traceparent text,
    created_at timestamptz not null default now()
);
create index call_due on call (due_at);

create table idempotency (
    client text not null,
    key text not null check (length(key) <= 255),
    body_digest bytea not null,
    response jsonb,
    created_at timestamptz not null default now(),
    primary key (client, key)
);
create index idempotency_created on idempotency (created_at);
