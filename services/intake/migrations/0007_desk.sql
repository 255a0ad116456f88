-- The officers' lists. A dossier stands in the list of the agency that has it now (handler), and, while another has it,
-- in that of the one that received it. Every index begins with the status: a list of several is merged from their
-- ranges, so that it reads no more rows than it shows, however much history there is.

-- What is open, by its deadline: the earlier one of the step's and the promised date; without either it comes last. The
-- words stand beside it, so that thousands can be looked through without fetching them; so does what workload counts.
create index desk_due on dossier
    (handler, status, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search)
    where status in (1, 2, 4, 5, 6, 7);
create index desk_due_department on dossier
    (handler, status, department, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search, officer)
    where status in (1, 2, 4, 5, 6, 7);
create index desk_due_officer on dossier
    (handler, status, officer, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search)
    where status in (1, 2, 4, 5, 6, 7);
create index desk_due_procedure on dossier
    (handler, status, procedure, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search)
    where status in (1, 2, 4, 5, 6, 7);
create index desk_due_unassigned on dossier
    (handler, status, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search, officer)
    where status in (1, 2, 4, 5, 6, 7) and officer is null;
create index desk_due_unassigned_department on dossier
    (handler, status, department, coalesce(least(due, result_due), 'infinity'), code)
    include (due, result_due, submitted_at, search, officer)
    where status in (1, 2, 4, 5, 6, 7) and officer is null;
create index desk_due_elsewhere on dossier
    (agency, status, coalesce(least(due, result_due), 'infinity'), code)
    where status in (1, 2, 4, 5, 6, 7) and handler <> agency;

-- Whatever its status, the newest first.
create index desk_new on dossier (handler, status, submitted_at desc, code desc) include (search);
create index desk_new_officer on dossier (handler, status, officer, submitted_at desc, code desc);
create index desk_new_elsewhere on dossier (agency, status, submitted_at desc, code desc) where handler <> agency;

-- Search by words; the agencies are among them, so that a small one's dossiers are found at once.
-- Written at once: what waits in a list of changes would be read whole by every search.
create index desk_search on dossier
    using gin ((search || array_to_tsvector(array['@' || agency, '@' || handler]))) with (fastupdate = off);

-- Who at the counter is known already.
create index person_by_citizen_id on person (citizen_id);

-- Who did and saw what, the latest first.
create index look_by_time on look (at, number);
create index look_of_agency on look (agency, at, number);
create index look_of_officer on look (name, at, number);
create index journal_by_time on dossier_journal (at, number) where role in ('officer', 'agency-system');
create index journal_of_officer on dossier_journal (by, at, number) where role in ('officer', 'agency-system');
create index journal_of_agency on dossier_journal ((body ->> 'agency'), at, number) where role in ('officer', 'agency-system');
