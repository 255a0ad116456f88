-- What agencies' own systems report. The dossier keeps the time of each agency's latest report.
alter table dossier drop column reports;
alter table dossier add column reported jsonb not null default '{}';

-- What became of each report, for the agency to read. `tx` orders rows so that whoever reads on from the last one never
-- misses one that was committed late.
create table agency_answer (
    number bigint generated always as identity primary key,
    tx bigint not null default pg_current_xact_id()::text::bigint,
    agency text not null,
    report_id text not null,
    at timestamptz not null,
    kind text not null,
    code text not null,
    external_id text,
    digest text not null,
    taken boolean not null,
    status smallint,
    problem jsonb
);
-- A report has its effect once.
create unique index agency_report_taken on agency_answer (agency, report_id) where taken;
create index agency_answers_of on agency_answer (agency, tx, number);
create index agency_report_rejected on agency_answer (at) where not taken;

-- Dossiers by the ids that agencies have for them.
create table agency_dossier (
    agency text not null,
    external_id text not null,
    code text not null,
    primary key (agency, external_id)
);
