"""intake over HTTP: citizens file and look, officers decide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chassis.access import Caller
from chassis.clock import VIETNAM, Clock
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, CodeOf, OnceOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from chassis.postgres import Connection
from chassis.work import To, Work
from contracts.dossiers import Status
from services.intake import store
from services.intake.domain import form as forms
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.commands import Accept, ByOfficer, Complete, Refuse, Return, StartProcessing, Submit
from services.intake.domain.dossier import NAMES, Dossier
from services.intake.domain.person import Remember
from services.intake.views import DossierPage, DossierSummary, DossierView, Submission

Command = TypeVar("Command", bound=ByOfficer)

# An ETag as we give it; also a weak one, which a compressing proxy makes of ours, and one without its quotes.
_ETAG = re.compile(r'(?:W/)?("?)([0-9]{1,9})\1', re.ASCII)


def of_citizens(catalogue: Catalogue, clock: Clock) -> APIRouter:
    """Filing a dossier and looking at one's own."""
    routes = APIRouter(tags=["dossiers"])
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
        found = forms.check(form, catalogue, today)
        procedure, agency = catalogue.procedure(found.procedure), catalogue.agencies[found.agency]

        async def prepare(connection: Connection) -> Sequence[To]:
            code = agency.dossier_code(today, await store.next_number(connection, agency.code, today))
            filed = {"applicant": found.applicant.model_dump(mode="json"), "details": dict(found.details)}
            return [
                To(store.people, str(person_id), Remember(person_id=person_id, applicant=found.applicant)),
                To(
                    store.dossiers,
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
        rows = await store.page(work.pool, person_id, agency, status, position_of(cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return DossierPage(
            items=[DossierSummary.of_row(row) for row in rows[:limit]],
            cursor=cursor_of(last["submitted_at"], last["code"]) if last else None,
        )

    @routes.get("/dossiers/{code}", response_model=DossierView)
    async def shown(code: CodeOf, caller: CallerOf, work: WorkOf, response: Response) -> DossierView:
        """One dossier with its form, for its citizen and the officers of its agency; 404 for everybody else."""
        found = _visible(await store.find(work.pool, code), caller)
        response.headers["ETag"] = f'"{found.version}"'
        return DossierView.of(found)

    return routes


def _in_nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# Of any length that its use allows, without control characters: PostgreSQL keeps no U+0000.
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"), AfterValidator(_in_nfc)
]


class Grounds(BaseModel):
    """Why a dossier is not taken in."""

    model_config = ConfigDict(extra="forbid")

    grounds: Annotated[Text, Field(min_length=10, max_length=2000, examples=["Giấy phép lái xe không thuộc tỉnh cấp."])]


class Result(BaseModel):
    """The result document."""

    model_config = ConfigDict(extra="forbid")

    result_number: Annotated[Text, Field(min_length=1, max_length=100, examples=["010190012345"])]


class Delivery(BaseModel):
    """How the citizen got the result."""

    model_config = ConfigDict(extra="forbid")

    delivery: Annotated[Text, Field(min_length=1, max_length=100)] = "tại quầy"


IfMatch = Annotated[str | None, Header(description='The ETag of what was seen, e.g. "3"; 412 when it has changed')]


def of_officers() -> APIRouter:
    """What officers decide on dossiers of their agency."""
    routes = APIRouter(tags=["desk"], prefix="/dossiers/{code}")

    @routes.post("/accept", response_model=DossierView)
    async def accept(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Tiếp nhận: the processing clock starts."""
        return await _decided(work, code, _by(caller, Accept, if_match))

    @routes.post("/refuse", response_model=DossierView)
    async def refuse(
        code: CodeOf, body: Grounds, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Không tiếp nhận, with grounds."""
        return await _decided(work, code, _by(caller, Refuse, if_match, grounds=body.grounds))

    @routes.post("/process", response_model=DossierView)
    async def process(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Chuyển xử lý: to the department that decides."""
        return await _decided(work, code, _by(caller, StartProcessing, if_match))

    @routes.post("/complete", response_model=DossierView)
    async def complete(
        code: CodeOf, body: Result, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Xử lý xong: the result exists, under its number."""
        return await _decided(work, code, _by(caller, Complete, if_match, result_number=body.result_number))

    @routes.post("/return", response_model=DossierView)
    async def give_back(
        code: CodeOf, body: Delivery, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Trả kết quả."""
        return await _decided(work, code, _by(caller, Return, if_match, delivery=body.delivery))

    return routes


def of_catalogue(catalogue: Catalogue) -> APIRouter:
    """The public catalogue, for anybody."""
    routes = APIRouter(tags=["procedures"])

    @routes.get("/procedures")
    async def listed() -> list[dict[str, Any]]:
        """All open procedures."""
        return [procedure.published().model_dump(mode="json") for procedure in catalogue.procedures.values()]

    @routes.get("/procedures/{code}/form")
    async def form(code: CodeOf) -> dict[str, Any]:
        """The form of a procedure as a JSON Schema (draft 2020-12)."""
        return catalogue.form(catalogue.procedure(code))

    return routes


async def _decided(work: Work, code: str, command: ByOfficer) -> DossierView:
    return DossierView.of(await work.send(store.dossiers, code, command))


def _by(caller: Caller, command: type[Command], if_match: str | None, **more: str) -> Command:
    """The officer's command. Raises Refusal 403 for anybody who is not an officer, 400 for an If-Match that is no ETag."""
    allowed(caller, "officer")
    return command(
        officer=caller.name or caller.subject,
        agency=caller.agency or "",
        department=caller.department,
        seen_version=_version(if_match),
        **more,
    )


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    seen = _ETAG.fullmatch(if_match.strip())
    if seen is None:
        raise Refusal("bad_etag", "If-Match không đúng dạng.", "If-Match must be an ETag that we gave.", 400)
    return int(seen[2])


def _nothing() -> NotFound:
    return NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")


def _visible(dossier: Dossier | None, caller: Caller) -> Dossier:
    """The dossier; one that is not the caller's looks like none. Raises NotFound."""
    if dossier is not None and caller.role == "citizen" and caller.person_id == dossier.person_id:
        return dossier
    if dossier is not None and caller.role == "officer" and caller.agency == dossier.agency:
        return dossier
    raise _nothing()


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
