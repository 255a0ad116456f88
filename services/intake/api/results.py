"""Documents of results: an agency uploads one for each dossier before it records the result."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from chassis.errors import Refusal
from chassis.work import Work
from services.intake import store
from services.intake.domain import document
from services.intake.domain.dossier import Attached
from services.intake.filing import as_attached


async def results_of(agency: str, ids: Collection[UUID], work: Work) -> dict[UUID, Attached | Refusal]:
    """Each of these documents as a result of the agency, or why it can be none: there is no such one, or it is used."""
    async with work.pool.acquire() as connection:
        known = {each.id: each for each in await store.documents.all_of_agency(connection, ids, agency)}

    def result(document_id: UUID) -> Attached | Refusal:
        found = known.get(document_id)
        if found is None:
            return _none()
        return document.used() if found.attached else as_attached("result", found)

    return {each: result(each) for each in ids}


async def result_of(agency: str, document_id: UUID, work: Work) -> Attached:
    """The document as a result of the agency. Raises Refusal 422 when there is no such one, 409 when it is used."""
    found = (await results_of(agency, [document_id], work))[document_id]
    if isinstance(found, Refusal):
        raise found
    return found


def _none() -> Refusal:
    return Refusal(
        "no_result_document",
        "Chưa có văn bản kết quả: hãy tải tệp kết quả lên trước khi ghi nhận kết quả.",
        "There is no such result document of your agency: upload it before the result is recorded.",
        422,
    )
