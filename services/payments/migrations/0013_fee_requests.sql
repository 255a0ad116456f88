-- Which request for later fees a bill is for: its dossier waits for just that one, and its agency may take it back.
alter table bill add column request_id uuid;
