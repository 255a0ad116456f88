"""Drafts over HTTP: begun, gone on with, looked through for mistakes, filed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, Field

from chassis.answering import To
from chassis.clock import Clock
from chassis.http import CallerOf, OnceOf, WorkOf
from chassis.identifiers import new_id
from chassis.postgres import Connection
from services.intake import store
from services.intake.api.citizens import person_of, submitted
from services.intake.api.common import IfMatch, version_of
from services.intake.domain.draft import Draft, kept
from services.intake.domain.problem import Problem
from services.intake.filing import Filing
from services.intake.views import Submission

FormOf = Annotated[
    dict[str, Any],
    Body(examples=[{"procedure": "1.002809", "details": {"licence_class": "B"}}], description="Any part of a form"),
]


class DraftSummary(BaseModel):
    """A draft in a list."""

    id: UUID
    version: int
    procedure: str | None
    created_at: datetime
    changed_at: datetime
    kept_until: datetime = Field(description="Bị xóa sau ngày này nếu không ai sửa")

    @classmethod
    def of(cls, draft: Draft) -> DraftSummary:
        return cls.model_validate(draft, from_attributes=True)


class DraftView(DraftSummary):
    """A draft with what was typed so far."""

    form: dict[str, Any]

    @classmethod
    def of(cls, draft: Draft) -> DraftView:
        return cls.model_validate(draft, from_attributes=True)


class Found(BaseModel):
    """What would be wrong if the draft were filed now; nothing when it can be."""

    errors: list[Problem]


def routes_of(filing: Filing, clock: Clock) -> APIRouter:
    """One's own drafts; somebody else's look like none."""
    routes = APIRouter(tags=["drafts"], prefix="/drafts")

    @routes.post("", status_code=201, response_model=DraftView)
    async def begin(form: FormOf, caller: CallerOf, once: OnceOf, work: WorkOf, response: Response) -> Any:
        """Keep a form that is not done, whatever is in it. At most 20 a person; forgotten after 90 days untouched.

        The documents that it names are kept for a day only, until it is filed.
        """
        now = clock()
        draft = Draft(id=new_id(), person_id=person_of(caller), form=kept(form), created_at=now, changed_at=now)

        async def prepare(connection: Connection) -> Sequence[To]:
            await store.drafts.add(connection, draft)
            return ()

        begun = await work.send_once(once, prepare, lambda _: DraftView.of(draft).model_dump(mode="json"))
        response.headers["Location"] = f"/drafts/{begun['id']}"
        response.headers["ETag"] = f'"{begun["version"]}"'
        return begun

    @routes.get("", response_model=list[DraftSummary])
    async def listed(caller: CallerOf, work: WorkOf) -> list[DraftSummary]:
        """One's own drafts, the one that was touched last first."""
        return [DraftSummary.of(each) for each in await store.drafts.of_person(work.pool, person_of(caller))]

    @routes.get("/{draft_id}", response_model=DraftView)
    async def shown(draft_id: UUID, caller: CallerOf, work: WorkOf, response: Response) -> DraftView:
        """A draft, to go on with it."""
        return _tagged(await store.drafts.find(work.pool, draft_id, person_of(caller)), response)

    @routes.put("/{draft_id}", response_model=DraftView)
    async def save(
        draft_id: UUID, form: FormOf, caller: CallerOf, work: WorkOf, response: Response, if_match: IfMatch = None
    ) -> DraftView:
        """Keep the form as it is now in place of what was there."""
        person_id, seen = person_of(caller), version_of(if_match)
        return _tagged(await store.drafts.save(work.pool, draft_id, person_id, seen, kept(form), clock()), response)

    @routes.delete("/{draft_id}", status_code=204)
    async def delete(draft_id: UUID, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> None:
        """Throw it away."""
        person_id, seen = person_of(caller), version_of(if_match)
        async with work.pool.acquire() as connection, connection.transaction():
            await store.drafts.take(connection, draft_id, person_id, seen)

    @routes.get("/{draft_id}/problems", response_model=Found)
    async def problems(draft_id: UUID, caller: CallerOf, work: WorkOf) -> Found:
        """What filing it now would be refused for, each with its path."""
        person_id = person_of(caller)
        draft = await store.drafts.find(work.pool, draft_id, person_id)
        return Found(errors=await filing.problems(draft.form, person_id, work.pool))

    @routes.post("/{draft_id}/submit", status_code=201, response_model=Submission)
    async def submit(
        draft_id: UUID, caller: CallerOf, once: OnceOf, work: WorkOf, response: Response, if_match: IfMatch = None
    ) -> Any:
        """File it as POST /dossiers does. With that the draft is gone; when it is refused, it stays."""
        person_id, seen = person_of(caller), version_of(if_match)
        await filing.opened.current(work.pool)

        # A repetition finds no draft any more, and must find the first answer: so it is looked for only here.
        async def prepare(connection: Connection) -> Sequence[To]:
            draft = await store.drafts.take(connection, draft_id, person_id, seen)
            file = await filing.of(draft.form, person_id, work.pool)
            return await file(connection)

        submission = await work.send_once(once, prepare, lambda states: submitted(states[-1]))
        response.headers["Location"] = f"/dossiers/{submission['code']}"
        return submission

    return routes


def _tagged(draft: Draft, response: Response) -> DraftView:
    response.headers["ETag"] = f'"{draft.version}"'
    return DraftView.of(draft)
