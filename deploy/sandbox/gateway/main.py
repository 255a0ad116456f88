"""The gateway put together: the API's operations, the pages, the control side, and the work that goes on beside them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.routing import Route

from deploy.sandbox.gateway import (
    charges,
    customers,
    events,
    payment_intents,
    payment_methods,
    queue,
    refunds,
    sessions,
    tampering,
    timers,
    webhook_endpoints,
)
from deploy.sandbox.gateway.api import Api
from deploy.sandbox.gateway.control import Control
from deploy.sandbox.gateway.deliveries import Deliveries
from deploy.sandbox.gateway.faults import FAULTS
from deploy.sandbox.gateway.keys import Keys
from deploy.sandbox.gateway.pages import Pages
from deploy.sandbox.gateway.settings import Settings
from deploy.sandbox.gateway.store import Store
from deploy.sandbox.gateway.work import Office
from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.faults import Faults

OPERATIONS = (
    *sessions.OPERATIONS,
    *payment_intents.OPERATIONS,
    *refunds.OPERATIONS,
    *customers.OPERATIONS,
    *charges.OPERATIONS,
    *events.OPERATIONS,
    *payment_methods.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)


def office(settings: Settings, clock: Callable[[], float] = time.time) -> Office:
    """The gateway's memory and rules, without a server."""
    store = Store(settings.data, queue.SCHEMA)
    closing = (tampering.unknown_payment, tampering.tamper)
    opened = Office(settings, store, queue.Queue(store), Faults(FAULTS, api="/v1/"), clock, closing)
    opened.run(webhook_endpoints.from_environment)
    return opened


def application(opened: Office) -> Starlette:
    """The server; its lifespan sends webhooks and fires timers."""
    deliveries = Deliveries(opened)
    api = Api(opened, Keys(opened.store), deliveries)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(deliveries.run()), background(timers.run(opened)):
            yield

    return Starlette(
        routes=[
            *(Route(item.path, api.endpoint(item), methods=[item.method]) for item in OPERATIONS),
            Route("/v1/{path:path}", api.not_found, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
            *Pages(opened, deliveries).routes(),
            *Control(opened, api).routes(),
        ],
        lifespan=lifespan,
    )
