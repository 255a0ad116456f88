-- A procedure's home: all its versions in one row, as text, since jsonb forgets in which order a form has its fields.
-- The numbers of its events go on where they were.
alter table procedure_published rename to procedure;
alter table procedure rename constraint procedure_published_pkey to procedure_pkey;
alter table procedure drop column procedure_version;
alter table procedure add column versions text not null default '[]';

-- How many dossiers stand on a version of a procedure, when a legal basis of it ends.
create index dossier_under_way on dossier (procedure, procedure_version) where status not in (3, 8, 10);
