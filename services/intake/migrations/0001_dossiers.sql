-- The dossier's home. Personal data stands here and, sealed, on contacts.v1; nowhere else.

create table person (
    person_id uuid primary key,
    version int not null,
    sequence int not null,
    traceparent text,
    name text not null,
    citizen_id text not null,
    phone text,
    email text,
    language text not null
);

create table dossier (
    code text primary key,
    version int not null,
    sequence int not null,
    traceparent text,
    procedure text not null,
    procedure_version int not null,
    procedure_name text not null,
    agency text not null,
    agency_name text not null,
    department text not null,
    officer text,
    person_id uuid not null references person,
    status smallint not null check (status between 1 and 10),
    since timestamptz not null,
    due timestamptz,
    processing_days int not null,
    fee_lines jsonb not null,
    appointment jsonb,
    handling_department text not null,
    result text not null,
    result_number text,
    grounds text,
    submitted_at timestamptz not null,
    form jsonb not null
);
create index dossier_of_person on dossier (person_id, submitted_at desc, code desc);
create index dossier_of_agency on dossier (agency, status, submitted_at desc, code desc);

create table procedure_published (
    code text primary key,
    version int not null,
    sequence int not null,
    traceparent text,
    procedure_version int not null
);

-- One row an agency and day, incremented in the dossier's own transaction: no number twice, and none for nothing.
create table code_counter (
    agency text not null,
    day date not null,
    last int not null,
    primary key (agency, day)
);
