-- How often the civil register was asked about an applicant: an answer to an earlier question is none.
alter table dossier add column register_asked smallint not null default 0;
update dossier set register_asked = 1 where register_check is not null;
