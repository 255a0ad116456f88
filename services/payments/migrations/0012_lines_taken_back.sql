-- A gateway may take a line of its statement back: then it counts no more, and it is known when that was seen last. A line
-- that was first told while a statement was being read may stand behind where that reading was: it is not missed.

alter table statement_line
    add column kept_at timestamptz not null default now(),
    add column is_gone boolean not null default false,
    add column gone_at timestamptz;
create index statement_line_of_time on statement_line (gateway, at);

-- Which days of a side were read to their end, and from when on that was looked after.
create index reconciliation_run_of_day on reconciliation_run (gateway, day) where day is not null;
