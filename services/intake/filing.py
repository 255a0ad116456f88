"""From a typed form to the messages that file it: checked, its fees assessed, its documents found, its code drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis.answering import To
from chassis.clock import VIETNAM, Clock
from chassis.errors import Refusal
from chassis.postgres import Connection, Pool
from chassis.work import Prepare
from services.intake import store
from services.intake.domain import fees
from services.intake.domain import form as forms
from services.intake.domain.agency import Agency
from services.intake.domain.catalogue import Catalogue, Procedure
from services.intake.domain.commands import Submit
from services.intake.domain.document import Document
from services.intake.domain.dossier import Attached, Delivery, Dossier
from services.intake.domain.form import Form, Schemas
from services.intake.domain.person import Remember
from services.intake.domain.problem import Problem
from services.intake.domain.process import stages
from services.intake.open_catalogue import OpenCatalogue


@dataclass(frozen=True)
class Filed:
    """A form that was found right on this day, and what its dossier is held to; its code is drawn last.

    Its documents are those of `owner`: a person, or an agency that files for one.
    """

    form: Form
    submit: Submit
    agency: Agency
    day: date
    owner: UUID | str


@dataclass(frozen=True)
class Filing:
    """How dossiers are filed, supplemented and corrected here. `most_bytes` of all documents of one.

    `checks_register`: whether there is a civil register to ask about applicants.
    """

    opened: OpenCatalogue
    schemas: Schemas
    clock: Clock
    most_bytes: int
    checks_register: bool

    @property
    def today(self) -> date:
        return self.clock().astimezone(VIETNAM).date()

    async def check(self, typed: Any, person_id: UUID, pool: Pool, filed_by: str | None = None) -> Filed:
        """A typed form of a person as it can be filed; `filed_by` an officer at the counter.

        Raises Refusal 422 that lists every wrong field.
        """
        catalogue, today = await self.opened.current(pool), self.today
        form = forms.check(typed, catalogue, today, self.schemas)
        procedure, filed = catalogue.in_force(form.procedure, form.agency, today), form.filed()
        lines = fees.assess(procedure, filed, online=filed_by is None, day=today)
        submit = submit_of(procedure, catalogue, form, person_id).model_copy(
            update={"fee_lines": lines, "form": filed, "filed_by": filed_by, "checks_register": self.checks_register}
        )
        return Filed(form, submit, catalogue.agencies[form.agency], today, person_id)

    async def prepare(self, connection: Connection, filed: Sequence[Filed]) -> list[list[To]]:
        """What files these forms: their documents found and kept, their codes drawn.

        Raises Refusal 422 for documents that are not there.
        """
        documents = [await self._kept(connection, each) for each in filed]
        codes = await _codes(connection, filed)
        return [
            [
                To(
                    store.people.aggregate,
                    str(person_id),
                    Remember(
                        person_id=person_id, applicant=each.form.applicant, counter=each.submit.filed_by is not None
                    ),
                ),
                To(
                    store.dossiers.aggregate,
                    code,
                    each.submit.model_copy(update={"code": code, "documents": attached}),
                ),
            ]
            for each, code, attached in zip(filed, codes, documents, strict=True)
            for person_id in (each.submit.person_id,)
        ]

    async def of(self, typed: Any, person_id: UUID, pool: Pool, filed_by: str | None = None) -> Prepare:
        """The same for one form, alone in its transaction."""
        filed = await self.check(typed, person_id, pool, filed_by)

        async def prepare(connection: Connection) -> Sequence[To]:
            (messages,) = await self.prepare(connection, [filed])
            return messages

        return prepare

    async def _kept(self, connection: Connection, filed: Filed) -> tuple[Attached, ...]:
        if not filed.form.documents:
            return ()
        documents = await self.found(connection, filed.form.documents, filed.owner)
        keep = store.documents.attach if isinstance(filed.owner, UUID) else store.documents.take
        await keep(connection, [each.document_id for each in documents])
        return documents

    async def problems(self, typed: Any, person_id: UUID, pool: Pool) -> list[Problem]:
        """What filing this form now would be refused for, each with its path."""
        try:
            form = forms.check(typed, await self.opened.current(pool), self.today, self.schemas)
            async with pool.acquire() as connection:
                await self.found(connection, form.documents, person_id)
        except Refusal as refusal:
            whole = {"path": "documents", "code": refusal.code, "vi": refusal.vi, "en": refusal.en}
            return list(refusal.errors) or [whole]
        return []

    async def pinned(self, dossier: Dossier, pool: Pool) -> Procedure:
        """The version of the procedure that a dossier was filed under."""
        catalogue = await self.opened.current(pool)
        return catalogue.pinned(dossier.procedure, dossier.procedure_version, dossier.agency, filed_on(dossier))

    async def again(self, dossier: Dossier, form: Any, pool: Pool) -> Form:
        """The changed form of a dossier, checked under the version that it is pinned to. Raises Refusal 422."""
        procedure, catalogue = await self.pinned(dossier, pool), await self.opened.current(pool)
        return forms.check_details(procedure, dossier.agency, form, catalogue, filed_on(dossier), self.schemas)

    async def found(
        self, connection: Connection, wanted: Mapping[str, Sequence[UUID]], owner: UUID | str, before: int = 0
    ) -> tuple[Attached, ...]:
        """The documents of a person (its id), or free ones of an agency (its code), in their places; `before` bytes are there already.

        Raises Refusal 422 that lists those that are not the owner's, and when all together are too large.
        """
        if not wanted:
            return ()
        ids = {each for slot in wanted.values() for each in slot}
        if isinstance(owner, UUID):
            documents = await store.documents.of_person(connection, ids, owner)
        else:
            documents = await store.documents.of_agency(connection, ids, owner)
        found = {each.id: each for each in documents}
        _all_there(wanted, found)
        if before + sum(each.size for each in found.values()) > self.most_bytes:
            limit = f"{self.most_bytes // 2**20} MiB"
            raise Refusal(
                "documents_too_large",
                f"Tổng dung lượng giấy tờ của một hồ sơ không quá {limit}.",
                f"All documents of a dossier together may have at most {limit}.",
                422,
            )
        return tuple(as_attached(slot, found[each]) for slot, them in wanted.items() for each in them)


def filed_on(dossier: Dossier) -> date:
    """The day whose rules hold for a dossier."""
    return dossier.submitted_at.astimezone(VIETNAM).date()


def as_attached(slot: str, document: Document) -> Attached:
    """A document in a place of a dossier."""
    return Attached(
        slot=slot,
        document_id=document.id,
        name=document.name,
        media_type=document.media_type,
        size=document.size,
        sha256=document.sha256,
    )


async def _codes(connection: Connection, filed: Sequence[Filed]) -> list[str]:
    """A code for each, in their order: whoever draws from an agency's counter waits until this transaction ends."""
    drawn: dict[tuple[str, date], int] = {}
    wanted = Counter((each.agency.code, each.day) for each in filed)
    for (agency, day), count in sorted(wanted.items()):
        drawn[agency, day] = await store.dossiers.draw_numbers(connection, agency, day, count) - count
    codes = []
    for each in filed:
        drawn[each.agency.code, each.day] += 1
        codes.append(each.agency.dossier_code(each.day, drawn[each.agency.code, each.day]))
    return codes


def submit_of(procedure: Procedure, catalogue: Catalogue, form: Form, person_id: UUID) -> Submit:
    """What a dossier of this form is held to, without its code, its fees and what it says."""
    agency = catalogue.agencies[form.agency]
    return Submit(
        code="",
        procedure=procedure.code,
        procedure_version=procedure.version,
        procedure_name=procedure.name,
        agency=agency.code,
        agency_name=agency.name,
        desk=agency.desk,
        person_id=person_id,
        form={},
        payment_days=procedure.payment_days,
        supplement_days=procedure.supplement_days,
        processing=procedure.processing,
        extended=procedure.extended,
        stages=stages(procedure, agency, catalogue.agencies, form.filed()),
        appointment=procedure.appointment,
        result=procedure.result,
        delivery=Delivery.model_validate(form.delivery or {}),
        at_desk=form.at_desk,
    )


def _all_there(wanted: Mapping[str, Sequence[UUID]], found: Mapping[UUID, Document]) -> None:
    missing = [
        {
            "path": f"documents.{slot}.{place}",
            "code": "no_document",
            "vi": "Không tìm thấy tệp này; hãy tải tệp lên trước.",
            "en": "There is no such file of yours; upload it first.",
        }
        for slot, ids in wanted.items()
        for place, each in enumerate(ids)
        if each not in found
    ]
    if missing:
        raise Refusal(
            "form_invalid",
            f"Biểu mẫu có {len(missing)} chỗ chưa đúng; xem từng mục.",
            f"The form has {len(missing)} wrong fields; see each.",
            422,
            tuple(missing),
        )
