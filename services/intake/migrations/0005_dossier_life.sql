-- A dossier's whole life. What was there before goes on: its processing department becomes its one step, and the clock
-- of one that was accepted runs from then.
alter table dossier
    add column desk text,
    add column handler text,
    add column handler_name text,
    add column before smallint,
    add column result_due timestamptz,
    add column clock jsonb,
    add column processing jsonb,
    add column extended jsonb,
    add column extended_at timestamptz,
    add column payment_days int not null default 10,
    add column supplement_days int not null default 30,
    add column stages jsonb,
    add column stage smallint,
    add column delivery jsonb not null default '{"method": "desk", "address": null}',
    add column tracking_number text,
    add column result_document jsonb,
    add column supplement jsonb,
    add column documents jsonb not null default '[]',
    add column at_desk jsonb not null default '[]',
    add column register_check jsonb,
    add column external_id text,
    add column reports jsonb not null default '[]',
    add column filed_by text,
    add column search tsvector not null default '';
update dossier set
    desk = department, handler = agency, handler_name = agency_name,
    processing = jsonb_build_object('amount', processing_days, 'unit', 'working_days'),
    stages = jsonb_build_array(jsonb_build_object(
        'key', 'xu_ly', 'name', 'Xử lý hồ sơ', 'agency', agency, 'agency_name', agency_name,
        'department', handling_department)),
    stage = case when status = 4 then 0 end,
    clock = case when status in (2, 4) then jsonb_build_object('amount', processing_days, 'started', since) end,
    result_due = case when status in (2, 4) then due end,
    search = to_tsvector('simple', translate(lower(code), '.-', '  ') || ' ' || replace(
        regexp_replace(normalize(lower(form -> 'applicant' ->> 'name'), NFD), '[\u0300-\u036f]', '', 'g'), 'đ', 'd')
        || ' ' || coalesce(form -> 'applicant' ->> 'citizen_id', '')
        || ' ' || translate(coalesce(form -> 'applicant' ->> 'phone', ''), '+', ''));
alter table dossier
    alter column desk set not null,
    alter column handler set not null,
    alter column handler_name set not null,
    alter column processing set not null,
    alter column stages set not null,
    drop column processing_days,
    drop column handling_department;

-- Everything that was done to a dossier, in its order; nothing is changed or taken away.
create table dossier_journal (
    number bigint generated always as identity primary key,
    code text not null,
    at timestamptz not null,
    kind text not null,
    by text,
    role text not null,
    shown boolean not null,
    paper text,
    body jsonb not null
);
create index journal_of_dossier on dossier_journal (code, number);
revoke update, delete on dossier_journal from intake;

-- Days that operators made working days or days off, for each calendar of the data file.
create table calendar (
    key text primary key,
    version int not null,
    sequence int not null,
    traceparent text,
    changes jsonb not null
);
-- Whose dates are counted anew when a calendar changes.
create index dossier_promised on dossier (code) where status in (1, 2, 4, 5, 7);
