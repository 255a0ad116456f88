-- The request for later fees that a dossier waits for; one of before has no id, and cannot be taken back.
alter table dossier add column fees_asked jsonb;
