"""Bills whose citizens are at the gateway's page, made by the service's own deciders, and the webhooks that pay them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from opentelemetry.trace import NoOpTracer

from chassis.answering import Answering
from chassis.clock import utc_now
from chassis.consumer import Consumer
from chassis.decider import Message
from chassis.envelope import Reader, headers_of
from chassis.fold import Voice
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.service import Service
from contracts import dossiers
from contracts.registry import EVENTS
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.messages import StartCheckout
from services.payments.store import bills
from tests.integration.gateways import stripe_merchant
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.merchant import DOSSIER, wanted
from tests.records import example, raw

AMOUNT = 115_000
_BATCH = 500
_AGENCY = "G09.20"
_FEE = {
    "code": "gplx-doi", "kind": "lệ phí", "name": "Lệ phí cấp đổi giấy phép lái xe", "amount": AMOUNT,
    "legal_basis": "Thông tư 37/2023/TT-BTC", "beneficiary": "3511.0.1054321", "refundable": False,
}  # fmt: skip
# One trace in so many is kept, as large installations do.
_TRACED = 100


class Page(NamedTuple):
    """A page that can be paid: the dossier, its bill, and the attempt."""

    code: str
    bill_id: UUID
    attempt_id: UUID


async def opened(service: Service, pool: Pool, first: int, count: int) -> list[Page]:
    """So many bills in checkout. What happens of itself (silence, expiry) is an hour away."""

    def clock() -> Any:
        return utc_now() + timedelta(hours=1)

    voice = Voice("/motcua/payments", NoOpTracer(), clock)
    (fold,) = (each for each in service.consumes if each.topic == dossiers.TOPIC and each.into is bills.aggregate)
    consumer = Consumer(fold, pool, voice, Reader(EVENTS, {}), Metrics(), 100)
    answering, pages = Answering(pool, voice, service.decides), list[Page]()
    for place in range(first, first + count, _BATCH):
        codes = [f"{_AGENCY}-20260609-{number:07}" for number in range(place, min(place + _BATCH, first + count))]
        await consumer.take([submitted(code, place + offset) for offset, code in enumerate(codes)])
        attempts = [new_id() for _ in codes]
        await _send(
            answering, codes, [StartCheckout(attempt_id=each, return_url="http://127.0.0.1") for each in attempts]
        )
        created = [
            CheckoutCreated(attempt_id=each, session_id=f"cs_{each.hex}", url="http://127.0.0.1") for each in attempts
        ]
        states = await _send(answering, codes, created)
        pages += [Page(state.key, state.bill_id, each) for state, each in zip(states, attempts, strict=True)]
    # The gateway was never asked for these pages.
    await pool.execute("delete from call")
    return pages


async def _send(answering: Answering, codes: Sequence[str], messages: Sequence[Message]) -> list[Any]:
    return await answering.many(bills.aggregate, list(zip(codes, messages, strict=True)))


def submitted(code: str, offset: int) -> Any:
    """A record of dossiers.v1: a dossier with one fee was filed."""
    changes = {"person_id": new_id(), "fee_lines": [_FEE], "payment_due": utc_now() + timedelta(days=30)}
    data = example(dossiers.Submitted, **changes, step={"agency": _AGENCY})
    trace = f"00-{new_id().hex}-{offset + 1:016x}-{'01' if offset % _TRACED == 0 else '00'}"
    headers = headers_of(new_id(), data.TYPE, "/motcua/intake", code, 1, utc_now(), trace, False)
    coded = [(name, value.encode()) for name, value in headers.items()]
    return raw(dossiers.TOPIC, offset, code.encode(), data.model_dump_json().encode(), coded)


async def template(folder: Path) -> Callable[[Page], str]:
    """`payment_intent.succeeded` as the sandbox posts it, made that of another page."""
    async with stripe_merchant.opened(folder / "gateway") as merchant:
        request = wanted(merchant, AMOUNT)
        page = await merchant.gateway.create_checkout(request, CALLING)
        assert isinstance(page, CheckoutCreated)
        await merchant.pays(page)
        body, count = b"", 0
        while b'"payment_intent.succeeded"' not in body:
            count += 1
            body, _ = (await merchant.rings(count))[-1]
    event = json.loads(body)
    names = (event["id"], event["data"]["object"]["id"], event["data"]["object"]["latest_charge"])

    def paying(page: Page) -> str:
        told: str = body.decode()
        for name in names:
            told = told.replace(name, f"{name.split('_')[0]}_{page.attempt_id.hex}")
        for before, after in ((request.attempt_id, page.attempt_id), (request.bill_id, page.bill_id)):
            told = told.replace(str(before), str(after))
        return told.replace(DOSSIER, page.code)

    return paying
