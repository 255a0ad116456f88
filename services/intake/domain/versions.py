"""A procedure's versions: how far each has come, and on which days it is in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter

from chassis.decider import State
from contracts import procedures
from services.intake.domain.procedure import Procedure
from services.intake.domain.published import WARNED_DAYS, published

Stage = Literal["draft", "consultation", "open", "closed"]


class Version(BaseModel):
    """One version: `body` as it was imported."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    body: Procedure
    was_open: bool = False


_VERSIONS = TypeAdapter(tuple[Version, ...])


def _read(versions: Any) -> Any:
    return _VERSIONS.validate_json(versions) if isinstance(versions, str) else versions


def _text(versions: tuple[Version, ...]) -> str:
    return _VERSIONS.dump_json(versions).decode()


class Publication(State):
    """A procedure's versions, by number. They are kept as text: jsonb forgets in which order a form has its fields."""

    code: str
    versions: Annotated[tuple[Version, ...], BeforeValidator(_read), PlainSerializer(_text)] = Field(default=())

    def numbered(self, number: int) -> Version | None:
        return next((each for each in self.versions if each.body.version == number), None)

    def with_(self, version: Version) -> Publication:
        """This version in the place of the one with its number, or beside the others."""
        others = [each for each in self.versions if each.body.version != version.body.version]
        versions = tuple(sorted([*others, version], key=lambda each: each.body.version))
        return self.model_copy(update={"versions": versions})

    def opened(self) -> Iterator[tuple[Procedure, bool]]:
        """Versions that are or were open, oldest first, and whether they are; each ends when the next open one begins."""
        for version in self.versions:
            if version.was_open:
                yield self.procedure(version), version.stage == "open"

    def procedure(self, version: Version) -> Procedure:
        """The version with its last day: its own, or the one before the next open version begins."""
        body = version.body
        begins = [
            each.body.effective_from
            for each in self.versions
            if each.stage == "open" and each.body.version > body.version
        ]
        ends = [begin - timedelta(days=1) for begin in begins]
        if body.effective_to is not None:
            ends.append(body.effective_to)
        return body.model_copy(update={"effective_to": min(ends, default=None)})

    def said(self, today: date) -> procedures.Published:
        """The version in force; before any is, the next one; after all are, the last one, closed.

        Raises LookupError when none was ever open.
        """
        versions = list(self.opened())
        running = [procedure for procedure, is_open in versions if is_open and not over(procedure, today)]
        in_force = [procedure for procedure in running if procedure.effective_from <= today]
        if running:
            return published(in_force[-1] if in_force else running[0], today)
        return published(versions[-1][0], today, "closed")

    def next_change(self, today: date) -> date | None:
        """The next day on which something else is said: a version begins or ends, a legal basis ends or soon will."""
        return min((day for day in self._days() if day > today), default=None)

    def _days(self) -> Iterator[date]:
        for procedure, is_open in self.opened():
            if is_open:
                yield procedure.effective_from
                if procedure.effective_to is not None:
                    yield procedure.effective_to + timedelta(days=1)
                for basis in procedure.legal_bases:
                    if basis.valid_to is not None:
                        yield basis.valid_to - timedelta(days=WARNED_DAYS)
                        yield basis.valid_to + timedelta(days=1)


def over(procedure: Procedure, today: date) -> bool:
    return procedure.effective_to is not None and procedure.effective_to < today
