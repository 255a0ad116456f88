"""The sandbox's own side: what was paid, what was told, and the faults to arm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.faults import Fault
from deploy.sandbox.kit.pages import page
from deploy.sandbox.national.office import Office
from deploy.sandbox.national.pages import PAGES, typed

SHOWN = 30


@dataclass(frozen=True)
class Control:
    office: Office

    def routes(self) -> list[Route]:
        return [
            *self.office.faults.routes(),
            Route("/", self.overview, methods=["GET"]),
            Route("/_control/arm", self.arm, methods=["POST"]),
            Route("/_control/payments", self.payments),
            Route("/_control/notices", self.notices),
            Route("/healthz", self.health),
        ]

    async def payments(self, request: Request) -> JSONResponse:
        """The latest payments (`limit`, 1,000), newest first: the truth that accounts are checked against."""
        rows = self.office.store.payments(_limit(request))
        shown = ("reference", "lane", "dossier", "amount", "state", "bank", "number", "taken", "currency", "at")
        return JSONResponse({"payments": [{name: row[name] for name in shown} for row in rows]})

    async def notices(self, request: Request) -> JSONResponse:
        """The latest CONFIRMs (`limit`, 1,000), newest last; `oddity` tells what a fault made of one."""
        rows = self.office.store.deliveries(_limit(request))
        return JSONResponse({"notices": [_notice(dict(row)) for row in rows]})

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def overview(self, _: Request) -> HTMLResponse:
        store = self.office.store
        return page(
            PAGES, "control.html", faults=self.office.faults, payments=store.payments(SHOWN),
            notices=store.deliveries(SHOWN)[::-1], by_code=bool(self.office.settings.due_url),
        )  # fmt: skip

    async def arm(self, request: Request) -> Response:
        form = await typed(request)
        name = form.get("name", "")
        if name not in self.office.faults.known:
            return JSONResponse({"error": f"unknown fault {name}"}, 404)
        self.office.faults.armed[name] = Fault(name, match=form.get("match", ""))
        return RedirectResponse("/", 303)


def _limit(request: Request) -> int:
    limit = request.query_params.get("limit", "1000")
    return int(limit) if limit.isdecimal() else 1000


def _notice(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "message": json.loads(row["message"])}
