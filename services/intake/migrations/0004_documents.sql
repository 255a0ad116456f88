-- What citizens and officers upload. The content stands in the object store under the id; a row is written last, so a
-- row without its content cannot be, and content without its row is swept.
create table document (
    id uuid primary key,
    person_id uuid,
    agency text,
    uploaded_by text not null,
    name text not null check (char_length(name) between 1 and 200),
    media_type text not null,
    size int not null check (size > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    scan text not null check (scan in ('none', 'clean')),
    created_at timestamptz not null,
    attached boolean not null default false,
    check (num_nonnulls(person_id, agency) = 1)
);
create index document_of_person on document (person_id, created_at desc, id desc) where person_id is not null;
create index document_of_agency on document (agency, created_at desc, id desc) where agency is not null;
create index document_unattached on document (created_at) where not attached;
create index document_unattached_of on document (uploaded_by) where not attached;
