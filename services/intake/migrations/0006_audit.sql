-- Who looked at what. What was done stands in the dossier's journal.
create table look (
    number bigint generated always as identity primary key,
    at timestamptz not null default now(),
    subject text not null,
    name text not null,
    role text not null,
    agency text,
    what text not null,
    code text,
    asked jsonb
);
create index look_of_dossier on look (code, number);
revoke update, delete on look from intake;
