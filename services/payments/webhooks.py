"""Where gateways ring: a webhook is found genuine, kept, and answered. What it says is worked off afterwards."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from chassis.clock import utc_now
from chassis.errors import NotFound, Refusal, is_passing
from chassis.http import WorkOf
from chassis.work import Work
from services.payments.adapters import vnpay_ipn
from services.payments.adapters.gateways import Gateways
from services.payments.adapters.vnpay_codes import ipn_answer
from services.payments.domain.tidings import Ring
from services.payments.ring_metrics import RingMetrics
from services.payments.store import rings
from services.payments.store.rings import Heard, Kept

_RECEIVED = {"received": True}
_TAKEN = {"MaLoi": "00", "MoTaLoi": "Thành công"}
_NOT_TAKEN = {"MaLoi": "99", "MoTaLoi": "Thông báo không hợp lệ"}
Attempt = Callable[[bytes], UUID | None]


class Door:
    """Hears webhooks: nothing is decided and no gateway asked before the answer."""

    def __init__(self, gateways: Gateways, metrics: RingMetrics) -> None:
        self._gateways, self._metrics = gateways.by_name, metrics
        metrics.hears(self._gateways)

    async def hear(
        self, name: str, request: Request, body: bytes, work: Work, attempt_of: Attempt = lambda _: None
    ) -> Kept:
        """Keep a genuine webhook, once however often it comes; those that come at the same time share a statement.

        Raises NotFound where this gateway is not configured, Refusal 400 for what is not genuine.
        """
        gateway = self._gateways.get(name)
        if gateway is None:
            raise NotFound("Cổng thanh toán này không được dùng ở đây.", "This gateway is not configured here.")
        try:
            ring = _printable(gateway.hear(body, request.headers, utc_now()))
        except Refusal:
            self._metrics.heard.labels(name, "refused").inc()
            raise
        kept = await work.write_together(Heard(name, ring, attempt_of(body)), rings.keep)
        self._metrics.heard.labels(name, "new" if kept.is_new else "copy").inc()
        return kept


def _printable(ring: Ring) -> Ring:
    """Raises Refusal 400 for what no database keeps: one such webhook would stop all that came with it."""
    if not (ring.event_id.isprintable() and ring.kind.isprintable()):
        raise Refusal("bad_event", "Mã thông báo không đúng.", "The event's id or type cannot be printed.", 400)
    return ring


def of_gateways(gateways: Gateways, metrics: RingMetrics) -> APIRouter:
    """One route for each gateway, answered as that gateway wants it. While the database is away: 503, ring again."""
    routes, door = APIRouter(tags=["webhooks"]), Door(gateways, metrics)

    @routes.post("/webhooks/stripe")
    async def stripe(request: Request, work: WorkOf) -> JSONResponse:
        """Stripe's events, signed over the raw body."""
        await door.hear("stripe", request, await request.body(), work)
        return JSONResponse(_RECEIVED)

    @routes.post("/webhooks/bank")
    async def bank(request: Request, work: WorkOf) -> JSONResponse:
        """The bank's notices of transfers and returns, signed over the raw body."""
        await door.hear("vietqr", request, await request.body(), work)
        return JSONResponse(_RECEIVED)

    @routes.get("/webhooks/vnpay")
    async def vnpay(request: Request, work: WorkOf) -> JSONResponse:
        """VNPAY's IPN, signed over the query. RspCode 00 taken, 01 no such order, 02 known, 04 other amount, 97 forged."""
        query: bytes = request.scope["query_string"]
        try:
            kept = await door.hear("vnpay", request, query, work, vnpay_ipn.order_of)
        except NotFound:
            raise
        except Refusal as refusal:
            return JSONResponse(ipn_answer("bad_signature" if refusal.code == "bad_signature" else "trouble"))
        except Exception as error:
            if not is_passing(error):
                raise
            return JSONResponse(ipn_answer("trouble"), 503)
        known = kept.is_taken or not kept.is_new
        return JSONResponse(ipn_answer(vnpay_ipn.verdict(query, kept.asked_for, known)))

    @routes.post("/webhooks/national")
    async def national(request: Request, work: WorkOf) -> JSONResponse:
        """The national platform's CONFIRM. MaLoi 00 taken, 99 not genuine."""
        try:
            await door.hear("national", request, await request.body(), work)
        except NotFound:
            raise
        except Refusal:
            return JSONResponse(_NOT_TAKEN)
        return JSONResponse(_TAKEN)

    return routes
