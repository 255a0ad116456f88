-- A dossier's whole life: who has it beside the agency that received it, what was promised and how that moved,
-- what was asked of the citizen, and what the citizen asked for.
alter table view
    add column result_due timestamptz,
    add column handler text,
    add column handler_name text,
    add column task text,
    add column supplement jsonb,
    add column withdrawal jsonb,
    add column new_dates jsonb not null default '[]',
    add column posts jsonb not null default '{}',
    add column warned jsonb,
    add column lateness text check (lateness in ('soon', 'late'));
