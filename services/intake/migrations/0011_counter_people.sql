-- Whom an officer met at the counter, identity card in hand. What somebody types online proves nothing of who it is.
alter table person add column counter boolean not null default false;
drop index person_by_citizen_id;
create index person_of_counter on person (citizen_id) where counter;
