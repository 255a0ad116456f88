-- An officer's list of all dossiers, whatever their status, newest first.
create index dossier_of_agency_by_time on dossier (agency, submitted_at desc, code desc);
