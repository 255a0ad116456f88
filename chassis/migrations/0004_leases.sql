-- A lease names its holder: who comes late frees nothing that is in another's hand.
alter table timer add column lease uuid;
alter table call add column lease uuid;
-- Room on every page for the row that a claim writes, so that no index learns of it.
alter table timer set (fillfactor = 50);
alter table call set (fillfactor = 50);
-- Calls are claimed kind by kind; their longest wait is looked up every second.
drop index call_due;
create index call_due on call (kind, due_at);
create index call_created on call (created_at);
-- Timers are claimed from both ends of one order, in which very many may be due at the same moment.
drop index timer_due;
create index timer_due on timer (due_at, id);
