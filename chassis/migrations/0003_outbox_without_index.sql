-- Marking a row as published touches the heap alone: the one index left holds unpublished rows only, and a block range
-- index costs a published row nothing. No row is looked up by its id.
drop index outbox_published;
alter table outbox drop constraint outbox_pkey;
create index outbox_published on outbox using brin (published_at);
