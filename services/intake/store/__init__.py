"""The only SQL of intake, by what it is about."""

from services.intake.store import (
    audit,
    calendars,
    desk,
    documents,
    dossiers,
    drafts,
    people,
    procedures,
    register,
    reports,
    workload,
)

__all__ = [
    "audit",
    "calendars",
    "desk",
    "documents",
    "dossiers",
    "drafts",
    "people",
    "procedures",
    "register",
    "reports",
    "workload",
]
