-- How people are reached. After an erasure only the id and its time are left.
create table contact (
    person_id uuid primary key,
    name text,
    phone text,
    email text,
    language text not null,
    erased_at timestamptz,
    version int not null,
    sequence int not null,
    traceparent text,
    check (erased_at is null or (name is null and phone is null and email is null))
);

-- Whom a dossier's notices go to.
create table recipient (
    dossier_code text primary key,
    person_id uuid not null,
    agency text not null,
    version int not null,
    sequence int not null,
    traceparent text
);

create table appointment (
    dossier_code text primary key,
    appointment_id uuid not null unique,
    state text not null check (state in ('searching', 'booked', 'attended', 'missed', 'cancelled')),
    purpose text not null,
    place text not null,
    address text not null,
    starts_at timestamptz,
    ends_at timestamptz,
    booked_at timestamptz,
    version int not null,
    sequence int not null,
    traceparent text,
    check (state in ('searching', 'cancelled') or (starts_at is not null and ends_at > starts_at))
);

-- Who sits where, when: one slot an appointment, and no quarter of an hour of a seat given twice.
create table slot (
    appointment_id uuid primary key references appointment (appointment_id),
    place text not null,
    seat int not null check (seat >= 1),
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at)
);
create table slot_quarter (
    place text not null,
    quarter timestamptz not null,
    seat int not null,
    appointment_id uuid not null references slot (appointment_id) on delete cascade,
    primary key (place, quarter, seat)
);
create index slot_quarter_of on slot_quarter (appointment_id);

create table notice (
    key text primary key,
    notice_id uuid not null unique,
    dossier_code text not null,
    step text not null,
    channel text not null check (channel in ('sms', 'email')),
    template text not null,
    facts jsonb not null,
    state text not null check (
        state in ('waiting', 'sending', 'sent', 'delivered', 'temporary_failure', 'permanent_failure', 'skipped')
    ),
    reason text,
    parts int,
    announced_at timestamptz not null,
    sent_at timestamptz,
    settled_at timestamptz,
    early_word text,
    version int not null,
    sequence int not null,
    traceparent text,
    unique (dossier_code, step, channel)
);

-- What was put into words for a notice, once: every try sends the same. `handed_over_at` stands from just before a
-- mail server gets the whole letter until it answers; found standing, the letter may have arrived.
create table sending (
    notice_id uuid primary key references notice (notice_id),
    subject text not null,
    text text not null,
    encoding text not null,
    parts int not null,
    tries int not null default 1,
    first_tried_at timestamptz not null default clock_timestamp(),
    last_tried_at timestamptz not null default clock_timestamp(),
    handed_over_at timestamptz
);
