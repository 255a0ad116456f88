"""Citizens over HTTP: filing a dossier, looking at one's own, supplying what is asked for, taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Caller
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, OnceOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from contracts.dossiers import Status
from contracts.money import total
from services.intake import store
from services.intake.api.changes import changed, keeping, to_person
from services.intake.api.common import IfMatch, Text, shown_to, version_of
from services.intake.domain.agency import canonical
from services.intake.domain.commands import AskWithdrawal, Supplement
from services.intake.domain.dossier import Dossier
from services.intake.domain.moves import NAMES
from services.intake.filing import Filing
from services.intake.views import DossierPage, DossierSummary, DossierView, Submission


class Supplied(BaseModel):
    """What was asked for: new values of fields by their dotted paths, new documents by their places."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[str, Any] = Field(default_factory=dict, examples=[{"details.licence_number": "010190012346"}])
    documents: dict[str, list[UUID]] = Field(default_factory=dict)


class Wish(BaseModel):
    """Why a dossier is wanted back."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Text, Field(max_length=2000)] = ""


def routes_of(filing: Filing, example: dict[str, Any]) -> APIRouter:
    """What citizens do."""
    routes = APIRouter(tags=["dossiers"])
    examples = {"đổi giấy phép lái xe": {"value": example}}

    @routes.post(
        "/dossiers",
        status_code=201,
        response_model=Submission,
        openapi_extra={"requestBody": {"content": {"application/json": {"examples": examples}}}},
    )
    async def submit(
        form: Annotated[dict[str, Any], Body()],
        caller: CallerOf,
        once: OnceOf,
        work: WorkOf,
        response: Response,
    ) -> Any:
        """File a dossier. The form is checked whole: a 422 lists every wrong field. The answer has the dossier's code."""
        try:
            filed = await filing.check(form, person_of(caller), work.pool)
        except Refusal:
            # What was filed once is answered once more, whatever has become of the procedure since.
            if (submission := await work.first_answer(once)) is None:
                raise
        else:
            submission = await work.send_together(once, filed, filing.prepare, of_last)
        response.headers["Location"] = f"/dossiers/{submission['code']}"
        return submission

    @routes.get("/dossiers", response_model=DossierPage)
    async def listed(
        caller: CallerOf,
        work: WorkOf,
        status: Annotated[Status | None, Query(description="Mã trạng thái quốc gia 1–10")] = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> DossierPage:
        """One's own dossiers, or for an officer those of the agency; newest first."""
        allowed(caller, "citizen", "officer")
        person_id = caller.person_id if caller.role == "citizen" else None
        agency = caller.agency if caller.role == "officer" else None
        if person_id is None and agency is None:
            return DossierPage(items=[])
        if agency is not None:
            await store.audit.looked(work.pool, caller, "list", None, {"status": status, "cursor": cursor})
        rows = await store.dossiers.page(work.pool, person_id, agency, status, position_of(cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return DossierPage(
            items=[DossierSummary.of_row(row) for row in rows[:limit]],
            cursor=cursor_of(last["submitted_at"], last["code"]) if last else None,
        )

    @routes.get("/dossiers/{code}", response_model=DossierView)
    async def shown(code: CodeOf, caller: CallerOf, work: WorkOf, response: Response) -> DossierView:
        """One dossier with its form, for its citizen and the officers who have it; 404 for everybody else.

        The code may be written with an older code of its agency.
        """
        catalogue = await filing.opened.current(work.pool)
        found = await shown_to(caller, canonical(code, catalogue.agencies), work)
        response.headers["ETag"] = f'"{found.version}"'
        return DossierView.for_citizen(found) if caller.role == "citizen" else DossierView.of(found)

    @routes.post("/dossiers/{code}/supplement", response_model=DossierView)
    async def supplement(
        code: CodeOf, body: Supplied, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Bổ sung: all that was marked and nothing else. The whole form is checked again."""
        person_id = person_of(caller)
        dossier = await shown_to(caller, code, work)
        form, documents, paths = await changed(dossier, body.fields, body.documents, person_id, filing, work)
        command = Supplement(
            person_id=person_id, seen_version=version_of(if_match), form=form, changed=paths, documents=documents
        )
        sent = await work.send(
            store.dossiers.aggregate,
            code,
            command,
            beside=keeping(documents, person_id),
            also=to_person(dossier, form),
        )
        return DossierView.for_citizen(sent)

    @routes.post("/dossiers/{code}/withdraw", response_model=DossierView)
    async def withdraw(
        code: CodeOf, body: Wish, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Yêu cầu rút hồ sơ: the agency lets it go, or says why not."""
        command = AskWithdrawal(person_id=person_of(caller), seen_version=version_of(if_match), reason=body.reason)
        return DossierView.for_citizen(await work.send(store.dossiers.aggregate, code, command))

    return routes


def person_of(caller: Caller) -> UUID:
    """Who the citizen is. Raises Refusal 403 for others, and for an account without a person."""
    allowed(caller, "citizen")
    if caller.person_id is None:
        raise Refusal("no_person", "Tài khoản chưa được định danh.", "The account has no person id.", 403)
    return caller.person_id


def of_last(states: Sequence[Any]) -> dict[str, Any]:
    """The answer to a filed form, from the states after its messages: the dossier is the last."""
    return submitted(states[-1])


def submitted(dossier: Dossier) -> dict[str, Any]:
    """The answer to a filed form, as JSON."""
    waiting = dossier.status == Status.FINANCIAL_DUTY
    return Submission(
        code=dossier.code,
        status=dossier.status,
        status_name=NAMES[dossier.status],
        fee_total=total(dossier.fee_lines),
        payment_due=dossier.due if waiting else None,
        submitted_at=dossier.submitted_at,
    ).model_dump(mode="json")
