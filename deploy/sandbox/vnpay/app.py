"""VNPAY put together: the pay page, the merchant's API, the reconciliation file, the sandbox's own side."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.pages import page, utc_time
from deploy.sandbox.vnpay import cards, timers
from deploy.sandbox.vnpay.api import Api
from deploy.sandbox.vnpay.notices import Notices
from deploy.sandbox.vnpay.office import Office
from deploy.sandbox.vnpay.pages import PAGES, Pages
from deploy.sandbox.vnpay.statement import Statement

SHOWN = 50


def application(office: Office) -> Starlette:
    """The server; its lifespan sends notices and fires timers."""
    notices = Notices(office)
    control = Control(office)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(notices.run()), background(timers.run(office)):
            yield

    return Starlette(
        routes=[
            *Pages(office, notices).routes(),
            Route("/merchant_webapi/api/transaction", Api(office).transaction, methods=["POST"]),
            Route("/merchant_webapi/reconcile", Statement(office).give, methods=["GET"]),
            *control.routes(),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: not_served},
    )


async def not_served(_: Request, error: Exception) -> Response:
    """No such path or method, or a body too large."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"message": str(getattr(error, "detail", error))}, status)


@dataclass(frozen=True)
class Control:
    office: Office

    def routes(self) -> list[Route]:
        return [
            *self.office.faults.routes(),
            Route("/", self.overview),
            Route("/_control/lines", self.lines),
            Route("/_control/notices", self.notices),
            Route("/healthz", self.health),
        ]

    async def overview(self, _: Request) -> HTMLResponse:
        return page(
            PAGES, "home.html", lines=self.office.store.latest_lines(SHOWN), faults=self.office.faults,
            notices=self.office.store.notices(SHOWN)[::-1], cards=cards.CARDS, terminal=self.office.settings.terminal,
        )  # fmt: skip

    async def lines(self, request: Request) -> JSONResponse:
        """All that happened, oldest first: the truth that accounts are checked against. Amounts in hundredths."""
        rows = self.office.store.latest_lines(-1)[::-1]
        told = [{**dict(row), "moved_at": utc_time(row["moved_at"]), "at": utc_time(row["at"])} for row in rows]
        return JSONResponse({"lines": told})

    async def notices(self, _: Request) -> JSONResponse:
        """The latest 1,000 notices, newest last; `oddity` tells what a fault made of one."""
        return JSONResponse({"notices": [dict(row) for row in self.office.store.notices(1000)]})

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})
