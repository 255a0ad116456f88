"""The public catalogue over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chassis.http import CodeOf
from services.intake.domain.catalogue import Catalogue


def routes_of(catalogue: Catalogue) -> APIRouter:
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
