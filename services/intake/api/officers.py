"""Officers over HTTP: what they decide on dossiers of their agency."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Caller
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.work import Work
from services.intake import store
from services.intake.api.common import IfMatch, Text, version_of
from services.intake.domain.commands import Accept, ByOfficer, Complete, Refuse, Return, StartProcessing
from services.intake.views import DossierView

Command = TypeVar("Command", bound=ByOfficer)


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


def routes() -> APIRouter:
    """What officers decide on dossiers of their agency."""
    made = APIRouter(tags=["desk"], prefix="/dossiers/{code}")

    @made.post("/accept", response_model=DossierView)
    async def accept(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Tiếp nhận: the processing clock starts."""
        return await _decided(work, code, _by(caller, Accept, if_match))

    @made.post("/refuse", response_model=DossierView)
    async def refuse(
        code: CodeOf, body: Grounds, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Không tiếp nhận, with grounds."""
        return await _decided(work, code, _by(caller, Refuse, if_match, grounds=body.grounds))

    @made.post("/process", response_model=DossierView)
    async def process(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Chuyển xử lý: to the department that decides."""
        return await _decided(work, code, _by(caller, StartProcessing, if_match))

    @made.post("/complete", response_model=DossierView)
    async def complete(
        code: CodeOf, body: Result, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Xử lý xong: the result exists, under its number."""
        return await _decided(work, code, _by(caller, Complete, if_match, result_number=body.result_number))

    @made.post("/return", response_model=DossierView)
    async def give_back(
        code: CodeOf, body: Delivery, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Trả kết quả."""
        return await _decided(work, code, _by(caller, Return, if_match, delivery=body.delivery))

    return made


async def _decided(work: Work, code: str, command: ByOfficer) -> DossierView:
    return DossierView.of(await work.send(store.dossiers.aggregate, code, command))


def _by(caller: Caller, command: type[Command], if_match: str | None, **more: str) -> Command:
    """The officer's command. Raises Refusal 403 for anybody who is not an officer, 400 for an If-Match that is no ETag."""
    allowed(caller, "officer")
    return command(
        officer=caller.name or caller.subject,
        agency=caller.agency or "",
        department=caller.department,
        seen_version=version_of(if_match),
        **more,
    )
