-- How long ago a side was reconciled is asked each second by each process: one row of an index says it. Runs of a whole day
-- that were done are the record of that day, and stay; all others are forgotten.

create index reconciliation_run_done on reconciliation_run (gateway, finished_at) where report is not null;
create index reconciliation_run_passing on reconciliation_run (finished_at) where day is null or report is null;
