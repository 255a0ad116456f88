"""What several groups of routes share: texts as they are kept, ETags, and who may see a dossier."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Any

from fastapi import Header
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from chassis.access import Caller
from chassis.errors import NotFound, Refusal
from chassis.mistakes import mistake
from chassis.work import Work
from services.intake import store
from services.intake.domain.dossier import Dossier

# An ETag as we give it; also a weak one, which a compressing proxy makes of ours, and one without its quotes.
_ETAG = re.compile(r'(?:W/)?("?)([0-9]{1,9})\1', re.ASCII)


def _in_nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# Of any length that its use allows, without control characters: PostgreSQL keeps no U+0000.
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"), AfterValidator(_in_nfc)
]


def _of_our_times(moment: Any) -> Any:
    if not 2000 <= moment.year < 2100:
        raise mistake("not_of_our_times", "Năm phải từ 2000 đến 2099.", "The year is from 2000 to 2099.")
    return moment


# What a calendar, a time zone and PostgreSQL can all count with.
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_times)]
Day = Annotated[date, AfterValidator(_of_our_times)]

IfMatch = Annotated[str | None, Header(description='The ETag of what was seen, e.g. "3"; 412 when it has changed')]


def version_of(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    seen = _ETAG.fullmatch(if_match.strip())
    if seen is None:
        raise Refusal("bad_etag", "If-Match không đúng dạng.", "If-Match must be an ETag that we gave.", 400)
    return int(seen[2])


async def shown_to(caller: Caller, code: str, work: Work, what: str = "dossier") -> Dossier:
    """A dossier that its citizen, an officer or the system of an agency that has it looks at; an agency's look is written down.

    Raises NotFound for everybody else.
    """
    found = visible(await store.dossiers.find(work.pool, code), caller)
    if caller.role != "citizen":
        await store.audit.looked(work.pool, caller, what, code)
    return found


def nothing() -> NotFound:
    return NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")


def visible(dossier: Dossier | None, caller: Caller) -> Dossier:
    """The dossier; one that is not the caller's looks like none. Raises NotFound."""
    if dossier is not None and caller.role == "citizen" and caller.person_id == dossier.person_id:
        return dossier
    if (
        dossier is not None
        and caller.role in ("officer", "agency-system")
        and caller.agency in (dossier.agency, dossier.handler)
    ):
        return dossier
    raise nothing()
