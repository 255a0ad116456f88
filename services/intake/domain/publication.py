"""Telling the world which version of a procedure is open."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision, Message, State
from services.intake.domain.catalogue import Procedure


class Publication(State):
    """What was last said of a procedure on procedures.v1."""

    code: str
    procedure_version: int


class Publish(Message):
    """This version is the one in force."""

    procedure: Procedure


def publish(publication: Publication | None, message: Publish, now: datetime) -> Decision[Publication] | None:
    """Say it once for each version; an older version is never said after a newer one."""
    procedure = message.procedure
    if publication is not None and publication.procedure_version >= procedure.version:
        return None
    before = publication or Publication(code=procedure.code, procedure_version=0)
    after = before.model_copy(update={"procedure_version": procedure.version})
    return Decision(after, (procedure.published(),))
