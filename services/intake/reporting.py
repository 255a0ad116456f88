"""From agencies' reports to messages for their dossiers: what the database knows of their ids and documents is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.answering import To
from chassis.clock import Clock
from chassis.envelope import Event
from chassis.errors import Park
from chassis.identifiers import id_of
from chassis.postgres import Connection, Pool
from contracts import agency_reports
from contracts.agency_reports import Report
from services.intake import store
from services.intake.domain.agency import canonical
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.dossier import Dossier
from services.intake.domain.report import Reported, clean
from services.intake.domain.signature import Keys, proof
from services.intake.domain.supplement import markable
from services.intake.filing import as_attached, filed_on
from services.intake.open_catalogue import OpenCatalogue

KEPT = timedelta(days=130)  # rejections, as long as the inbox remembers their events


class TogetherError(Exception):
    """Two reports of one batch speak of the same id or document of their agency: the first one decides on the second."""


@dataclass(frozen=True)
class Reporting:
    """How reports come in here; `keys` are the secrets by which agencies sign."""

    keys: Keys
    opened: OpenCatalogue

    async def heard(
        self, connection: Connection, events: Sequence[Event[Any]]
    ) -> Sequence[Sequence[tuple[str, Reported]]]:
        """The messages of a batch from Kafka. Raises TogetherError for a batch that must be taken in parts."""
        found = await _known(connection, [self._of(event) for event in events])
        return [[(message.code, message)] for message in found]

    async def told(self, connection: Connection, dossier: str, report: Report) -> Sequence[To]:
        """The message of a report over HTTP, whose agency has signed in; `dossier` is our code, or the agency's own id."""
        typed = clean(dossier)
        code = await store.reports.code_of(connection, report.agency, canonical(typed, self._catalogue.agencies), typed)
        (message,) = await _known(connection, [Reported.of(code or typed, report)])
        return [To(store.dossiers.aggregate, message.code, message)]

    def names_of(self, dossier: Dossier) -> Mapping[str, str]:
        """All that may be marked as wrong or missing in a dossier."""
        catalogue = self._catalogue
        pinned = catalogue.pinned(dossier.procedure, dossier.procedure_version, dossier.agency, filed_on(dossier))
        return markable(pinned, catalogue, dossier.form)

    @property
    def _catalogue(self) -> Catalogue:
        if self.opened.latest is None:
            raise AssertionError("the catalogue is read before anything is served")
        return self.opened.latest

    def _of(self, event: Event[Any]) -> Reported:
        report: Report = event.data
        if not clean(event.subject):
            raise Park("the subject names no dossier")
        given = event.sent.headers["ce_id"] if event.sent is not None else str(event.id)
        return Reported.of(
            event.subject, report, proof=proof(self.keys, report.agency, event.sent), event_id=id_of(given)
        )


@dataclass(frozen=True)
class AnswerForgetter:
    """Deletes rejections that nobody will ask for any more."""

    clock: Clock
    most: int = 1_000

    async def run(self, pool: Pool) -> None:
        """One pass, some rows at a time until none is left."""
        while await store.reports.forget(pool, self.clock() - KEPT, self.most) == self.most:
            pass


async def _known(connection: Connection, messages: Sequence[Reported]) -> list[Reported]:
    """The messages with what is known; what nobody has proven to be an agency's asks nothing of the database."""
    proven = [message for message in messages if message.proof == "proven"]
    if not proven:
        return list(messages)
    reports = {_report(message) for message in proven}
    external = {pair for message in proven if (pair := _external(message))}
    speaking = {(pair, message.code) for message in proven if (pair := _external(message))}
    results = [result for message in proven if (result := _document(message))]
    if len(reports) < len(proven) or len(external) < len(speaking) or len(set(results)) < len(results):
        raise TogetherError
    turns = [" ".join(("report", *pair)) for pair in reports] + [" ".join(("dossier", *pair)) for pair in external]
    await store.reports.take_turns(connection, turns)
    earlier = await store.reports.earlier(connection, reports)
    named = await store.reports.named(connection, external) if external else {}
    documents = await store.reports.uploaded(connection, results) if results else {}

    def with_known(message: Reported) -> Reported:
        pair, result = _external(message), _document(message)
        document = documents.get(result) if result else None
        return message.model_copy(
            update={
                "earlier": earlier.get(_report(message)),
                "named": named.get(pair) if pair else None,
                "document": as_attached("result", document) if document and not document.attached else None,
                "used": document is not None and document.attached,
            }
        )

    return [with_known(message) if message.proof == "proven" else message for message in messages]


def _report(message: Reported) -> tuple[str, str]:
    return message.report.agency, message.report.report_id


def _external(message: Reported) -> tuple[str, str] | None:
    report = message.report
    return (report.agency, report.external_id) if report.external_id else None


def _document(message: Reported) -> tuple[str, UUID] | None:
    report = message.report
    return (report.agency, report.document_id) if isinstance(report, agency_reports.Completed) else None
