"""The gateways at a glance, for operators: do they answer, what do they say they hold, and what do our books say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from fastapi import APIRouter
from pydantic import BaseModel

from chassis.errors import Unanswered
from chassis.http import CallerOf, WorkOf, allowed
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import GATEWAYS, manner_of


class GatewayView(BaseModel):
    """`booked` is what our clearing account of this gateway holds, in đồng; `held` what the gateway itself says, by currency.

    They differ by what happened in the last minutes, and by fees until reconciliation has posted them. `held` is None where
    a gateway does not tell, or does not answer now. `switched_off`: its settings were removed, and our books still have
    money there.
    """

    name: str
    title_vi: str
    title_en: str
    offered: bool
    healthy: bool
    switched_off: bool
    booked: int
    held: dict[str, int] | None


@runtime_checkable
class TellsItsBalance(Protocol):
    """A gateway that says what it holds for us."""

    async def balance(self) -> Mapping[str, int]: ...


def of_operators(gateways: Gateways) -> APIRouter:
    """For operators."""
    routes = APIRouter(tags=["gateways"])

    @routes.get("/gateways", response_model=list[GatewayView])
    async def all_of_them(caller: CallerOf, work: WorkOf) -> list[GatewayView]:
        """Each configured gateway, and those that are no more while our books have money there."""
        allowed(caller, "operator")
        booked = await store.ledger.clearing(work.pool)
        left = [name for name in GATEWAYS if booked.get(name) and name not in gateways.by_name]
        return [await _view(gateways, name, booked.get(name, 0)) for name in (*gateways.by_name, *left)]

    return routes


async def _view(gateways: Gateways, name: str, booked: int) -> GatewayView:
    gateway = gateways.by_name.get(name)
    return GatewayView(
        name=name,
        title_vi=manner_of(name).title_vi,
        title_en=manner_of(name).title_en,
        offered=name in gateways.offered(),
        healthy=gateway is not None and gateways.is_healthy(name),
        switched_off=gateway is None,
        booked=booked,
        held=None if gateway is None else await _held(gateway),
    )


async def _held(gateway: Gateway) -> dict[str, int] | None:
    if not isinstance(gateway, TellsItsBalance):
        return None
    try:
        return dict(await gateway.balance())
    except Unanswered:
        return None
