-- The promised dates of which was said that they are near, and over: a clock that was held may come to the same one again.
alter table dossier add column due_soon_told timestamptz, add column overdue_told timestamptz;
