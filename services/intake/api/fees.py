"""What a dossier would cost, before it is filed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from chassis.clock import VIETNAM, Clock
from chassis.http import WorkOf
from contracts.money import Currency, FeeLine, total
from services.intake.domain import fees
from services.intake.domain import form as forms
from services.intake.open_catalogue import OpenCatalogue


class FeesPreview(BaseModel):
    """The fee lines of a form if it is filed on `day`: the very ones of its bill."""

    procedure: str
    version: int
    agency: str
    day: date = Field(description="Ngày mà mức phí này có hiệu lực / the day on which these fees are in force")
    online: bool
    lines: tuple[FeeLine, ...]
    total: int = Field(description="Tổng số tiền, đồng")
    currency: Currency = "VND"


def routes_of(opened: OpenCatalogue, schemas: forms.Schemas, clock: Clock) -> APIRouter:
    """For anybody: what a procedure costs is public, and nothing of the form is kept."""
    routes = APIRouter(tags=["fees"])

    @routes.post("/fees/preview", response_model=FeesPreview)
    async def preview(
        form: Annotated[dict[str, Any], Body(description="Như tờ khai / like the form of POST /dossiers")],
        work: WorkOf,
        online: Annotated[bool, Query(description="Nộp trực tuyến; false: nộp tại quầy")] = True,
    ) -> FeesPreview:
        """The fees of a form as it is filled so far. Only what fees depend on has to be there and right."""
        catalogue = await opened.current(work.pool)
        today = clock().astimezone(VIETNAM).date()
        procedure, found = forms.for_fees(form, catalogue, today, schemas)
        lines = fees.assess(procedure, found, online, today)
        return FeesPreview(
            procedure=procedure.code,
            version=procedure.version,
            agency=found["agency"],
            day=today,
            online=online,
            lines=lines,
            total=total(lines),
        )

    return routes
