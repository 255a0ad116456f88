"""The platform put together: what partners ask, what payers see, the control side, and the CONFIRMs that go out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette

from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.national.api import Api
from deploy.sandbox.national.control import Control
from deploy.sandbox.national.deliveries import Deliveries
from deploy.sandbox.national.faults import FAULTS
from deploy.sandbox.national.office import Office
from deploy.sandbox.national.pages import Pages
from deploy.sandbox.national.settings import Settings
from deploy.sandbox.national.store import Store


def office(settings: Settings, clock: Callable[[], float] = time.time) -> Office:
    """The platform's memory and rules, without a server."""
    return Office(settings, Store.open(settings.data), Faults(FAULTS, api="/payment/"), clock)


def application(opened: Office) -> Starlette:
    """The server; its lifespan sends CONFIRMs and takes late money."""
    deliveries = Deliveries(opened)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(deliveries.run()):
            yield

    return Starlette(
        routes=[*Api(opened, deliveries).routes(), *Pages(opened).routes(), *Control(opened).routes()],
        lifespan=lifespan,
    )
