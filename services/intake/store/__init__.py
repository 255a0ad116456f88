"""The only SQL of intake, by what it is about."""

from services.intake.store import audit, calendars, documents, dossiers, drafts, people, procedures, reports

__all__ = ["audit", "calendars", "documents", "dossiers", "drafts", "people", "procedures", "reports"]
