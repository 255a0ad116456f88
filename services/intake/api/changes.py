"""A form changed in some places: by the citizen who supplements it, or by the officer who corrects it."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.answering import To
from chassis.errors import Refusal
from chassis.postgres import Connection
from chassis.work import Work
from services.intake import store
from services.intake.domain import person
from services.intake.domain.applicant import Applicant
from services.intake.domain.dossier import Attached, Dossier
from services.intake.filing import Filing

Changed = tuple[dict[str, Any], tuple[Attached, ...], tuple[str, ...]]
"""The whole form as it is afterwards, the documents that are new, and the paths that were changed."""

_PARTS = ("applicant", "details", "delivery", "at_desk")


async def changed(
    dossier: Dossier,
    fields: Mapping[str, Any],
    documents: Mapping[str, Sequence[UUID]],
    owner: UUID | str,
    filing: Filing,
    work: Work,
) -> Changed:
    """The form with these values and documents of `owner`, a person or an agency, in these places: checked whole under the version that the dossier is pinned to.

    Raises Refusal 422 that lists every wrong field, places that the form does not have, and missing documents.
    """
    form = with_values(dossier.form, fields)
    for slot, ids in documents.items():
        form.setdefault("documents", {})[slot] = [str(each) for each in ids]
    form.pop("version", None)
    checked = await filing.again(dossier, form, work.pool)
    there = sum(each.size for each in dossier.documents if not each.replaced and each.slot not in documents)
    async with work.pool.acquire() as connection:
        new = await filing.found(connection, documents, owner, there)
    return checked.filed(), new, (*fields, *(f"documents.{slot}" for slot in documents))


def keeping(documents: Sequence[Attached], owner: UUID | str) -> Callable[[Connection], Awaitable[None]]:
    """Keeps documents of a person or an agency for good, in the transaction of the dossier that has them now."""
    ids = [each.document_id for each in documents]

    async def keep(connection: Connection) -> None:
        await (store.documents.attach if isinstance(owner, UUID) else store.documents.take)(connection, ids)

    return keep


def to_person(dossier: Dossier, form: Mapping[str, Any]) -> Sequence[To]:
    """What the dossier's person is told when its form says otherwise who they are or how they are reached."""
    before, after = dossier.form.get("applicant", {}), form["applicant"]
    fields = tuple(name for name in person.FIELDS if before.get(name) != after.get(name))
    if not fields:
        return ()
    amend = person.Amend(applicant=Applicant.model_validate(after), fields=fields)
    return [To(store.people.aggregate, str(dossier.person_id), amend)]


def with_values(form: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the form with these values. Raises Refusal 422 for places that no form has."""
    after: dict[str, Any] = copy.deepcopy(dict(form))
    wrong = [path for path, value in fields.items() if not _put(after, path.split("."), value)]
    if wrong:
        raise Refusal(
            "form_invalid",
            f"Biểu mẫu có {len(wrong)} chỗ chưa đúng; xem từng mục.",
            f"The form has {len(wrong)} wrong fields; see each.",
            422,
            tuple(
                {
                    "path": path[:200],
                    "code": "no_such_field",
                    "vi": "Biểu mẫu không có trường này.",
                    "en": "The form has no such field.",
                }
                for path in wrong
            ),
        )
    return after


def _put(form: Any, path: list[str], value: Any) -> bool:
    if path[0] not in _PARTS:
        return False
    for part in path[:-1]:
        if isinstance(form, list) and part.isdigit() and int(part) < len(form):
            form = form[int(part)]
        elif isinstance(form, dict):
            form = form.setdefault(part, {}) if len(path) == 2 else form.get(part)
        else:
            return False
    if isinstance(form, list) and path[-1].isdigit() and int(path[-1]) < len(form):
        form[int(path[-1])] = value
        return True
    if not isinstance(form, dict):
        return False
    if value is None:
        form.pop(path[-1], None)
    else:
        form[path[-1]] = value
    return True
