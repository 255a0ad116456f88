-- An agency's open dossiers of one procedure that others have now: without it all that others have were read for them.
create index desk_due_elsewhere_procedure on dossier
    (agency, status, procedure, coalesce(least(due, result_due), 'infinity'), code)
    where status in (1, 2, 4, 5, 6, 7) and handler <> agency;
