"""All gateways by name: calls go to the one that their request names, and people to one that answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.calls import Calling
from chassis.errors import Refusal, Unanswered
from services.payments.adapters.breaker import Breaker
from services.payments.adapters.configured import configured
from services.payments.domain.answers import CheckoutCreated, CheckoutRefused, RefundDone, RefundRefused, Truth
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import manner_of
from services.payments.domain.printed import AskReceipt, PrintsReceipts, ReceiptFile
from services.payments.domain.questions import AskCheckout, Asking, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.settings import PaymentsSettings

# Half of the places that a kind of call has: one gateway that hangs leaves the other half to the others.
AT_ONCE = 16
PATIENCE_SECONDS = 0.5


class Gateways:
    """The gateways of this process. The five questions of the port are handlers of outside calls.

    `offered` are those that people are sent to, in order of preference; the others are asked about what is left there.
    """

    def __init__(
        self,
        gateways: Sequence[Gateway],
        offered: Sequence[str],
        breakers: Mapping[str, Breaker] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.by_name: Mapping[str, Gateway] = {gateway.name: gateway for gateway in gateways}
        self._offered = tuple(name for name in offered if name in self.by_name)
        self._breakers = breakers or {name: Breaker() for name in self.by_name}
        self._patience = patience_seconds
        self._places: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._in_flight: Counter[tuple[str, str]] = Counter()
        self.health: Collector = _Health(self._breakers, self._in_flight)

    @classmethod
    def from_settings(cls, settings: PaymentsSettings, clock: Callable[[], float] = time.monotonic) -> Self:
        """Those whose address is set. Raises ValueError for a name that nobody knows, or for half of a configuration."""
        gateways, breakers = configured(settings, clock)
        offered = [name.strip() for name in settings.gateways.split(",") if name.strip()]
        return cls(gateways, offered, breakers)

    def offered(self) -> tuple[str, ...]:
        """Where people may pay, in order of preference."""
        return self._offered

    def is_healthy(self, name: str) -> bool:
        """Whether a gateway answers lately."""
        return self._breakers[name].healthy

    def choose(self, wanted: str | None, *, has_payer: bool = False) -> list[str]:
        """Where to try to make a page, in this order: what the payer wants and nothing else, or those that answer first.

        A gateway that asks for the payer's name and paper is chosen by itself only where we have them. Raises Refusal
        for one that is not offered.
        """
        if wanted is not None:
            if wanted not in self._offered:
                names = ", ".join(self._offered)
                raise Refusal(
                    "gateway_not_offered",
                    f"Không nộp được qua cổng này. Hãy chọn một trong các cổng: {names}.",
                    f"One cannot pay there. Choose one of: {names}.",
                    422,
                )
            return [wanted]
        able = [name for name in self._offered if has_payer or not manner_of(name).asks_payer]
        return sorted(able, key=lambda name: not self._breakers[name].healthy)

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        async with self._asked(request) as gateway:
            return await gateway.create_checkout(request, calling)

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        async with self._asked(request) as gateway:
            return await gateway.ask_checkout(request, calling)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        async with self._asked(request) as gateway:
            return await gateway.close_checkout(request, calling)

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        async with self._asked(request) as gateway:
            return await gateway.refund(request, calling)

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        async with self._asked(request) as gateway:
            return await gateway.ask_refund(request, calling)

    async def receipt_file(self, request: AskReceipt) -> ReceiptFile:
        """The receipt that a gateway has printed itself. Raises NotReady, Unanswered."""
        async with self._asked(request) as gateway:
            if not isinstance(gateway, PrintsReceipts):
                raise Unanswered(f"{request.gateway} prints no receipts")
            return await gateway.receipt_file(request)

    @asynccontextmanager
    async def _asked(self, request: Asking) -> AsyncIterator[Gateway]:
        """The gateway of a request, in one of its places for this kind.

        Raises Unanswered where it has no address here, or no place becomes free: the call is made again later.
        """
        gateway = self.by_name.get(request.gateway)
        if gateway is None:
            raise Unanswered(f"{request.gateway} is not configured here")
        kind = (request.gateway, type(request).__name__)
        place = self._places.setdefault(kind, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(self._patience):
                await place.acquire()
        except TimeoutError:
            raise Unanswered(f"{request.gateway} has {AT_ONCE} calls of this kind in flight") from None
        self._in_flight[kind] += 1
        try:
            yield gateway
        finally:
            self._in_flight[kind] -= 1
            place.release()


class _Health(Collector):
    """How the gateways do, for whoever watches."""

    def __init__(self, breakers: Mapping[str, Breaker], in_flight: Mapping[tuple[str, str], int]) -> None:
        self._breakers, self._in_flight = breakers, in_flight

    def collect(self) -> Iterator[Metric]:
        healthy = GaugeMetricFamily(
            "motcua_gateway_healthy", "1 while a gateway answers; alert on 0", labels=["gateway"]
        )
        for name, breaker in self._breakers.items():
            healthy.add_metric([name], int(not breaker.ailing))
        yield healthy
        flying = GaugeMetricFamily(
            "motcua_gateway_calls_in_flight", "Calls that wait for a gateway's answer", labels=["gateway", "kind"]
        )
        for labels, count in list(self._in_flight.items()):
            flying.add_metric(list(labels), count)
        yield flying
