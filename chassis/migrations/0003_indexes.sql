-- No row is looked up by its id; an index of ids cost an entry at each writing and another at each marking.
alter table outbox drop constraint outbox_pkey;
-- Block ranges only ever widen: once freed pages are used again, pruning by them would read the whole table.
drop index inbox_received;
create index inbox_received on inbox (received_at);
