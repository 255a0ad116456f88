"""Citizens over HTTP: filing a dossier and looking at one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from chassis.answering import To
from chassis.clock import VIETNAM, Clock
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, OnceOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from chassis.postgres import Connection
from contracts.dossiers import Status
from services.intake import store
from services.intake.api.common import visible
from services.intake.domain import form as forms
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.commands import Submit
from services.intake.domain.dossier import NAMES, Dossier
from services.intake.domain.person import Remember
from services.intake.views import DossierPage, DossierSummary, DossierView, Submission


def routes_of(catalogue: Catalogue, clock: Clock) -> APIRouter:
    """Filing a dossier and looking at one's own."""
    routes = APIRouter(tags=["dossiers"])
    schemas = forms.Schemas()
    examples = {"đổi giấy phép lái xe": {"value": catalogue.example(next(iter(catalogue.procedures.values())))}}

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
        allowed(caller, "citizen")
        person_id = caller.person_id
        if person_id is None:
            raise Refusal("no_person", "Tài khoản chưa được định danh.", "The account has no person id.", 403)
        today = clock().astimezone(VIETNAM).date()
        found = forms.check(form, catalogue, today, schemas)
        procedure, agency = catalogue.procedure(found.procedure), catalogue.agencies[found.agency]

        async def prepare(connection: Connection) -> Sequence[To]:
            code = agency.dossier_code(today, await store.dossiers.next_number(connection, agency.code, today))
            filed = {"applicant": found.applicant.model_dump(mode="json"), "details": dict(found.details)}
            return [
                To(store.people.aggregate, str(person_id), Remember(person_id=person_id, applicant=found.applicant)),
                To(
                    store.dossiers.aggregate,
                    code,
                    Submit(code=code, procedure=procedure, agency=agency, person_id=person_id, form=filed),
                ),
            ]

        submission = await work.send_once(once, prepare, lambda states: _submission(states[-1]))
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
        rows = await store.dossiers.page(work.pool, person_id, agency, status, position_of(cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return DossierPage(
            items=[DossierSummary.of_row(row) for row in rows[:limit]],
            cursor=cursor_of(last["submitted_at"], last["code"]) if last else None,
        )

    @routes.get("/dossiers/{code}", response_model=DossierView)
    async def shown(code: CodeOf, caller: CallerOf, work: WorkOf, response: Response) -> DossierView:
        """One dossier with its form, for its citizen and the officers of its agency; 404 for everybody else."""
        found = visible(await store.dossiers.find(work.pool, code), caller)
        response.headers["ETag"] = f'"{found.version}"'
        return DossierView.of(found)

    return routes


def _submission(dossier: Dossier) -> dict[str, Any]:
    waiting = dossier.status == Status.FINANCIAL_DUTY
    return Submission(
        code=dossier.code,
        status=dossier.status,
        status_name=NAMES[dossier.status],
        fee_total=sum(line.amount for line in dossier.fee_lines),
        payment_due=dossier.due if waiting else None,
        submitted_at=dossier.submitted_at,
    ).model_dump(mode="json")
