"""The only SQL of intake, by what it is about."""

from services.intake.store import documents, dossiers, people, procedures

__all__ = ["documents", "dossiers", "people", "procedures"]
