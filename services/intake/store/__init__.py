"""The only SQL of intake, by what it is about."""

from services.intake.store import dossiers, people, procedures

__all__ = ["dossiers", "people", "procedures"]
