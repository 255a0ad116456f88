"""Filing for a citizen who stands at an agency's counter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chassis.answering import To
from chassis.errors import Refusal
from chassis.identifiers import new_id
from chassis.postgres import Connection, Pool
from chassis.work import Prepare
from services.intake import store
from services.intake.filing import Filing


async def at_counter(filing: Filing, typed: Any, officer: str, agency: str, pool: Pool) -> Prepare:
    """What files this form for the citizen, with documents that the agency uploaded.

    The dossier is that of the person whom a counter knows by this citizen id and name, else of a new one: never that of
    an account, which may have typed anybody's.
    Raises Refusal 422 that lists every wrong field, 403 for a form that is for another agency.
    """
    filed = await filing.check(typed, new_id(), pool, officer)
    if filed.agency.code != agency:
        raise Refusal(
            "other_agency",
            f"Hồ sơ này thuộc {filed.agency.name}; tại quầy chỉ nộp hộ được hồ sơ của cơ quan mình.",
            f"This dossier is for {filed.agency.name}; at the counter only one's own agency's are filed.",
            403,
        )

    async def prepare(connection: Connection) -> Sequence[To]:
        given = filed.form.applicant
        known = await store.people.known_as(connection, given.citizen_id, given.name)
        submit = filed.submit.model_copy(update={"person_id": known or filed.submit.person_id})
        (messages,) = await filing.prepare(connection, [replace(filed, submit=submit, owner=agency)])
        return messages

    return prepare
