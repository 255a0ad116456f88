-- One row holds all that is known of one dossier. Status, payments, appointments and delivery (result and notices)
-- are separate facts with separate owners.
create table view (
    dossier_code text primary key,
    version bigint not null,
    sequence bigint not null,
    traceparent text,
    opened_at timestamptz not null,
    procedure text,
    procedure_version int,
    procedure_name text,
    person_id uuid,
    dossier_sequence bigint not null,
    status smallint check (status between 1 and 10),
    agency text,
    agency_name text,
    department text,
    officer text,
    since timestamptz,
    due timestamptz,
    grounds text,
    result jsonb,
    payments jsonb not null,
    appointments jsonb not null,
    notices jsonb not null,
    timeline jsonb not null
) with (fillfactor = 70);

-- One for each list that a caller may ask for, in its order: an own list is short, an agency's and the nation's are long.
create index view_of_person on view (person_id, opened_at desc, dossier_code desc);
create index view_of_agency on view (agency, opened_at desc, dossier_code desc);
create index view_of_agency_in_status on view (agency, status, opened_at desc, dossier_code desc);
create index view_of_all on view (opened_at desc, dossier_code desc);
create index view_in_status on view (status, opened_at desc, dossier_code desc);
