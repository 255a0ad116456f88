"""What Stripe's events tell: money, that the gateway must be asked, or nothing of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from deploy.sandbox.gateway.main import application
from services.payments.adapters.stripe import Stripe
from services.payments.domain.answers import Captured, RefundDone
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import Refund
from services.payments.domain.tidings import Ring, Tiding
from tests.records import CODE
from tests.unit.payments.till import CALLING, GOOD, RETURNED_REFUND, SETTLES_LATER, SHORT_OF_FUNDS, Till, till_at
from tests.unit.sandbox.gateway_client import NOON, gateway_in

BEFORE = datetime.fromtimestamp(NOON, UTC) - timedelta(minutes=1)


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with gateway_in(tmp_path) as gateway:
        yield till_at(gateway)


async def rings(till: Till) -> list[Ring]:
    """All telling events, oldest first."""
    return [ring async for page in till.port.events_since(BEFORE) for ring in page][::-1]


async def tidings(till: Till, kind: str) -> Sequence[Tiding]:
    return [tiding for ring in await rings(till) if ring.kind == kind for tiding in till.port.tell(ring)]


def event(kind: str, **thing: Any) -> Ring:
    body = {"id": "evt_1", "type": kind, "created": int(NOON), "data": {"object": thing}}
    return Ring("evt_1", kind, json.dumps(body).encode())


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "checkout.session.completed"])
async def test_money_is_heard_as_it_was_taken_and_not_believed_yet(till: Till, kind: str) -> None:
    page = await till.page()
    till.gateway.pass_time(300)
    await till.pays(page, GOOD)
    (tiding,) = await tidings(till, kind)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert tiding.captured == truth.model_copy(update={"heard_only": True})
    assert (tiding.attempt_id, tiding.dossier_code) == (page.attempt_id, CODE)
    assert tiding.session_id == (page.session_id if kind.startswith("checkout") else None)


async def test_money_that_settles_later_is_heard_when_it_has(till: Till) -> None:
    page = await till.page()
    await till.pays(page, SETTLES_LATER)
    assert [tiding.captured for tiding in await tidings(till, "checkout.session.completed")] == [None]
    till.gateway.pass_time(5)
    (tiding,) = await tidings(till, "checkout.session.async_payment_succeeded")
    assert tiding.captured is not None
    assert tiding.captured.money_id == page.attempt_id


@pytest.mark.parametrize(("fault", "found"), [("wrong_amount", (13_500, "VND")), ("wrong_currency", (135_000, "USD"))])
async def test_what_the_bank_took_is_what_is_heard(till: Till, fault: str, found: tuple[int, str]) -> None:
    await till.gateway.arm(fault)
    await till.pays(await till.page(), GOOD)
    (tiding,) = await tidings(till, "payment_intent.succeeded")
    assert tiding.captured is not None
    assert (tiding.captured.amount, tiding.captured.currency) == found


async def test_a_declined_card_and_a_closed_page_make_us_ask(till: Till) -> None:
    page = await till.page()
    await till.pays(page, SHORT_OF_FUNDS)
    await till.close(page)
    told = {ring.kind: till.port.tell(ring) for ring in await rings(till)}
    assert set(told) == {"payment_intent.payment_failed", "checkout.session.expired"}
    for (tiding,) in told.values():
        assert (tiding.attempt_id, tiding.captured) == (page.attempt_id, None)


async def test_a_refund_that_comes_back_makes_us_ask_about_its_bill(till: Till) -> None:
    capture, bill_id = await till.paid(RETURNED_REFUND), new_id()
    request = Refund(
        refund_id=new_id(),
        bill_id=bill_id,
        dossier_code=CODE,
        reference=capture.reference,
        amount=20_000,
        reason="withdrawn",
    )
    assert isinstance(await till.port.refund(request, CALLING), RefundDone)
    till.gateway.pass_time(5)
    for kind in ("refund.created", "refund.failed", "refund.updated", "charge.refund.updated"):
        assert await tidings(till, kind) == [Tiding(bill_id=bill_id, dossier_code=CODE)], kind


async def test_lost_webhooks_are_found_among_the_events_each_once(till: Till) -> None:
    """A page of events at a time, whatever is added meanwhile."""
    await till.gateway.arm("webhook_lost", times=1000)
    pages = [await till.page() for _ in range(4)]
    for page in pages:
        await till.pays(page, GOOD)
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(application(till.gateway.office)),
        base_url="http://gateway",
        headers=dict(till.gateway.http.headers) | {"Authorization": "Bearer sk_test_gateway"},
    )
    port = Stripe(http, page_lines=3)
    seen: list[Ring] = []
    async for page_of_events in port.events_since(BEFORE):
        assert len(page_of_events) <= 3
        seen += page_of_events
        await till.pays(await till.page(), GOOD)
    assert len({ring.event_id for ring in seen}) == len(seen) == 8
    heard = {tiding.attempt_id for ring in seen for tiding in port.tell(ring)}
    assert heard == {page.attempt_id for page in pages}


@pytest.mark.parametrize("kind", ["sandbox.unheard_of", "charge.succeeded", "payment_intent.created", "payout.paid"])
def test_other_events_tell_nothing_whatever_they_hold(till: Till, kind: str) -> None:
    assert till.port.tell(Ring("evt_1", kind, b"{}")) == ()


def test_a_strangers_payment_tells_nothing(till: Till) -> None:
    """Money that nobody asked for is found by reconciliation."""
    thing = {"id": "pi_1", "status": "succeeded", "amount_received": 50_000, "currency": "vnd"}
    assert till.port.tell(event("payment_intent.succeeded", **thing)) == ()
    strange = {"dossier_code": "a b", "attempt_id": "7", "bill_id": ""}
    assert till.port.tell(event("payment_intent.succeeded", **thing, metadata=strange)) == ()


def test_a_payment_of_nothing_is_asked_about(till: Till) -> None:
    ours = {"attempt_id": str(new_id())}
    thing = {"id": "pi_1", "status": "succeeded", "amount_received": 0, "currency": "vnd", "metadata": ours}
    assert [tiding.captured for tiding in till.port.tell(event("payment_intent.succeeded", **thing))] == [None]


def test_money_without_an_attempts_name_is_asked_about(till: Till) -> None:
    thing = {"id": "pi_1", "status": "succeeded", "amount_received": 50_000, "currency": "vnd"}
    ring = event("payment_intent.succeeded", **thing, metadata={"dossier_code": CODE})
    assert till.port.tell(ring) == (Tiding(dossier_code=CODE),)


def test_a_status_without_a_meaning_is_said_aloud(till: Till) -> None:
    ours = {"attempt_id": str(new_id())}
    intent = {"id": "pi_1", "status": "odd", "amount_received": 1, "currency": "vnd", "metadata": ours}
    page = {
        "id": "cs_1", "url": None, "status": "complete", "payment_status": "odd", "amount_total": 1, "currency": "vnd",
        "payment_intent": "pi_1", "metadata": ours,
    }  # fmt: skip
    with pytest.raises(UnknownCode, match="odd"):
        till.port.tell(event("payment_intent.succeeded", **intent))
    with pytest.raises(UnknownCode, match="odd"):
        till.port.tell(event("checkout.session.completed", **page))


def test_an_event_that_cannot_be_read_is_no_answer(till: Till) -> None:
    with pytest.raises(Unanswered, match="Intent: id"):
        till.port.tell(event("payment_intent.succeeded", status="succeeded"))
