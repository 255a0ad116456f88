"""The textbook's filing, as a process: FastAPI and asyncpg, one form, one transaction, answered after the commit.

Who calls, what is wrong with a form, what it costs and what its dossier is are the same functions as ours, so are the
tables. What differs is how a form meets the database: alone, statement by statement, the dossier's code drawn as late as
can be. Its catalogue and calendars are read once. Its events are published by our relay.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import httpx
import uvloop
from fastapi import Body, Depends, Header, HTTPException, Request

from chassis import logs
from chassis.access import Caller, Verifier
from chassis.clock import VIETNAM, utc_now
from chassis.postgres import Connection
from chassis.sealing import Sealer
from services.intake.api.citizens import person_of, submitted
from services.intake.domain import calendars, catalogue, fees, filing, person
from services.intake.domain import form as forms
from services.intake.domain.applicant import Applicant
from services.intake.domain.calendar import Calendar
from services.intake.domain.commands import Submit
from services.intake.domain.dossier import CalendarOf, Dossier
from services.intake.filing import submit_of
from services.intake.views import Submission
from tests.bench.textbook_http import application, opened, say, serve

_SOURCE = "/motcua/intake"
_ENTER = """
insert into idempotency (client, key, body_digest) values ($1, $2, $3) on conflict do nothing returning true"""
_BEFORE = "select body_digest, response from idempotency where client = $1 and key = $2"
_ANSWER = "update idempotency set response = $3 where client = $1 and key = $2"
_PERSON = "select * from person where person_id = $1 for update"
_REMEMBER = """
insert into person (person_id, version, sequence, name, citizen_id, phone, email, language, counter)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (person_id) do update set version = excluded.version, sequence = excluded.sequence, name = excluded.name,
    citizen_id = excluded.citizen_id, phone = excluded.phone, email = excluded.email, language = excluded.language
where person.version = excluded.version - 1 returning true"""
# Those who wait for a row to be updated stand in a queue; those who wait to insert it all wake up at each commit.
_NEXT = "update code_counter set last = last + 1 where agency = $1 and day = $2 returning last"
_FIRST = """
insert into code_counter (agency, day, last) values ($1, $2, 1)
on conflict (agency, day) do update set last = code_counter.last + 1 returning last"""
_COLUMNS = (
    "code", "procedure", "procedure_version", "procedure_name", "agency", "agency_name", "desk", "handler", "handler_name",
    "department", "person_id", "status", "since", "due", "processing", "extended", "payment_days", "supplement_days",
    "fee_lines", "appointment", "stages", "delivery", "result", "documents", "at_desk", "register_asked", "submitted_at",
    "filed_by", "form",
)  # fmt: skip
_DOSSIER = f"""
insert into dossier (version, sequence, search, {", ".join(_COLUMNS)})
values (1, $1, to_tsvector('simple', $2), {", ".join(f"${place}" for place in range(3, 3 + len(_COLUMNS)))})"""
_JOURNAL = """
insert into dossier_journal (code, at, kind, by, role, shown, paper, body) values ($1, $2, $3, $4, $5, $6, $7, $8)"""


class Rules:
    """What forms and dates are held to, read once."""

    def __init__(self) -> None:
        self._catalogue, self._schemas = catalogue.load(), forms.Schemas()
        self._calendars = calendars.build(calendars.load(), utc_now().astimezone(VIETNAM).date(), {})

    def right(self, typed: Any, today: date) -> forms.Form:
        """The form. Raises Refusal 422 that lists every wrong field."""
        return forms.check(typed, self._catalogue, today, self._schemas)

    def wanted(self, form: forms.Form, person_id: UUID, today: date, number: int) -> Submit:
        """What files it, under the code that this number makes."""
        procedure, filed = self._catalogue.in_force(form.procedure, form.agency, today), form.filed()
        lines = fees.assess(procedure, filed, online=True, day=today)
        code = self._catalogue.agencies[form.agency].dossier_code(today, number)
        submit = submit_of(procedure, self._catalogue, form, person_id)
        return submit.model_copy(update={"code": code, "fee_lines": lines, "form": filed})

    def calendar_of(self, agency: str) -> Calendar:
        return self._calendars[self._catalogue.agencies[agency].calendar]


async def calling(request: Request, authorization: Annotated[str | None, Header()] = None) -> Caller:
    """Who calls. Raises Refusal 401."""
    verifier: Verifier = request.app.state.verifier
    return await verifier.caller(authorization)


async def run(url: str, port: int, issuer: str, contacts_key: str) -> None:
    """Take dossiers in until killed."""
    pool, app, sealer, rules = await opened(url), application(), Sealer(contacts_key), Rules()
    app.state.verifier = Verifier(issuer, "motcua", httpx.AsyncClient())

    @app.post("/dossiers", status_code=201, response_model=Submission)
    async def submit(
        request: Request,
        typed: Annotated[dict[str, Any], Body()],
        caller: Annotated[Caller, Depends(calling)],
        idempotency_key: Annotated[str, Header(min_length=8, max_length=255)],
    ) -> Any:
        person_id, today = person_of(caller), utc_now().astimezone(VIETNAM).date()
        form, digest = rules.right(typed, today), hashlib.sha256(await request.body()).digest()
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_ENTER, caller.subject, idempotency_key, digest):
                return await _answered_before(connection, caller.subject, idempotency_key, digest)
            await remember(connection, person_id, form.applicant, sealer)
            # From here on until the commit, whoever else files at this agency waits.
            drawn = (form.agency, today)
            number = await connection.fetchval(_NEXT, *drawn) or await connection.fetchval(_FIRST, *drawn)
            answer = await file(connection, rules.wanted(form, person_id, today, number), rules.calendar_of)
            await connection.execute(_ANSWER, caller.subject, idempotency_key, answer)
        return answer

    await serve(app, port)


async def _answered_before(connection: Connection, client: str, key: str, digest: bytes) -> Mapping[str, Any]:
    row = await connection.fetchrow(_BEFORE, client, key)
    if row is None or row["body_digest"] != digest:
        raise HTTPException(409, "this key was used for another request")
    before: Mapping[str, Any] = row["response"]
    return before


async def remember(connection: Connection, person_id: UUID, applicant: Applicant, sealer: Sealer) -> None:
    """Keep the person's particulars, and tell how he is reached where that is new. Raises HTTPException 409 after a race."""
    row, now = await connection.fetchrow(_PERSON, person_id), utc_now()
    before = person.Person.model_validate(dict(row)) if row else None
    kept = person.remember(before, person.Remember(person_id=person_id, applicant=applicant), now)
    if kept is None:
        return
    version, sequence = (before.version, before.sequence) if before else (0, 0)
    told = kept.state.model_dump(include={*person.FIELDS})
    counted = (person_id, version + 1, sequence + len(kept.events))
    fields = [told[name] for name in person.FIELDS]
    if not await connection.fetchval(_REMEMBER, *counted, *fields, kept.state.counter):
        raise HTTPException(409, "filed twice at the same time")
    await say(connection, _SOURCE, str(person_id), sequence + 1, kept.events, now, sealer)


async def file(connection: Connection, wanted: Submit, calendar_of: CalendarOf) -> dict[str, Any]:
    """A new dossier with its journal and its events; what its citizen is answered."""
    now = utc_now()
    decided = filing.submit(None, wanted, now, calendar_of)
    dossier: Dossier = decided.state
    values = [getattr(dossier, name) for name in _COLUMNS]
    await connection.execute(_DOSSIER, len(decided.events), dossier.search, *values)
    for line in dossier.journal:
        journal = (line.at, line.kind, line.by, line.role, line.shown, line.paper, line.body)
        await connection.execute(_JOURNAL, dossier.code, *journal)
    await say(connection, _SOURCE, dossier.code, 1, decided.events, now)
    return submitted(dossier)


if __name__ == "__main__":
    told = json.loads(os.environ["BENCH"])
    logs.configure("textbook", "error")
    uvloop.run(run(told["url"], told["port"], told["issuer"], told["contacts_key"]))
