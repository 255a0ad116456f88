"""The sandbox's own side: what moved, what was told, what was asked, and the faults to arm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.gateway.api import Api
from deploy.sandbox.gateway.pages import PAGES, typed
from deploy.sandbox.gateway.work import Office
from deploy.sandbox.kit.faults import Fault
from deploy.sandbox.kit.pages import page

SHOWN = 30


@dataclass(frozen=True)
class Control:
    office: Office
    api: Api

    def routes(self) -> list[Route]:
        return [
            *self.office.faults.routes(),
            Route("/_control", self.overview, methods=["GET"]),
            Route("/_control/arm", self.arm, methods=["POST"]),
            Route("/_control/charges", self.charges),
            Route("/_control/webhooks", self.webhooks),
            Route("/_control/requests", self.requests),
            Route("/_control/requests/{id}", self.request),
            Route("/healthz", self.health),
        ]

    def movements(self, limit: int = -1) -> list[dict[str, Any]]:
        """Every movement of money, oldest first: the truth that accounts are checked against."""
        rows = self.office.store.movements(limit)
        return [{**dict(row), "metadata": json.loads(row["metadata"] or "{}")} for row in rows]

    async def charges(self, _: Request) -> JSONResponse:
        """`movements`: charges positive, refunds negative, refunds that failed positive again; `totals` by currency."""
        return JSONResponse({"movements": self.movements(), "totals": self.office.store.balances()})

    async def webhooks(self, request: Request) -> JSONResponse:
        """The latest deliveries (`limit`, 1,000), newest last; `oddity` tells what a fault made of one; `states` of all."""
        limit = request.query_params.get("limit", "1000")
        rows = self.office.queue.deliveries(int(limit) if limit.isdecimal() else 1000)
        told = [{name: value for name, value in dict(row).items() if name != "payload"} for row in rows]
        return JSONResponse({"deliveries": told, "states": self.office.queue.states()})

    async def requests(self, _: Request) -> JSONResponse:
        return JSONResponse({"requests": list(self.api.requests)})

    async def request(self, request: Request) -> JSONResponse:
        wanted = request.path_params["id"]
        found = next((entry for entry in self.api.requests if entry["id"] == wanted), None)
        return JSONResponse(found or {"error": "no such request among the latest 10,000"}, 200 if found else 404)

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def overview(self, _: Request) -> HTMLResponse:
        return page(
            PAGES, "control.html", faults=self.office.faults, movements=self.movements(SHOWN)[::-1],
            totals=self.office.store.balances(), deliveries=self.office.queue.deliveries(SHOWN)[::-1],
        )  # fmt: skip

    async def arm(self, request: Request) -> Response:
        form = await typed(request)
        name = form.get("name", "")
        if name not in self.office.faults.known:
            return JSONResponse({"error": f"unknown fault {name}"}, 404)
        self.office.faults.armed[name] = Fault(name, match=form.get("match", ""))
        return RedirectResponse("/_control", 303)
