"""The bank put together: the owner's API, the payers' app, the control side, and the work that goes on beside them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from deploy.sandbox.bank import later
from deploy.sandbox.bank.api import Api
from deploy.sandbox.bank.control import Control
from deploy.sandbox.bank.deliveries import Deliveries
from deploy.sandbox.bank.faults import FAULTS, failure
from deploy.sandbox.bank.office import Office
from deploy.sandbox.bank.pages import Pages
from deploy.sandbox.bank.settings import Settings
from deploy.sandbox.bank.store import Store
from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.faults import Faults


def opened(settings: Settings, clock: Callable[[], float] = time.time) -> Office:
    """The bank's memory and rules, without a server."""
    return Office(settings, Store.open(settings.data), Faults(FAULTS), clock)


def application(office: Office) -> Starlette:
    """The server; its lifespan sends notices and settles what is due."""
    deliveries = Deliveries(office)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(deliveries.run()), background(later.run(office)):
            yield

    return Starlette(
        routes=[
            *Api(office, deliveries).routes(),
            *Pages(office, deliveries).routes(),
            *Control(office).routes(),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _not_served},
    )


async def _not_served(_: Request, error: Exception) -> JSONResponse:
    """No such path or method, or a body too large: refused in the same shape as everything else."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failure(status, HTTPStatus(status).name.lower(), str(getattr(error, "detail", error)))
