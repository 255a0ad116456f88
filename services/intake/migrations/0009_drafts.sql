-- Forms that citizens have begun: as text, since jsonb forgets in which order the fields were typed.
create table draft (
    id uuid primary key,
    person_id uuid not null,
    version int not null,
    form text not null,
    created_at timestamptz not null,
    changed_at timestamptz not null
);
create index draft_of_person on draft (person_id, changed_at desc, id desc);
create index draft_untouched on draft (changed_at);
