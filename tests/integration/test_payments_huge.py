"""A bank or a gateway tells of more than any event can: it ends as a difference that an operator settles, never in a loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.decider import Message
from chassis.identifiers import new_id
from services.payments import store
from services.payments.adapters.stripe import Stripe
from services.payments.domain.answers import Captured
from services.payments.domain.difference import Difference, PayOutByHand, Return
from services.payments.ring_metrics import RingMetrics
from services.payments.store import rings
from services.payments.working_off import WorkingOff
from tests.database import Server as Postgres
from tests.integration.payments_books import Books, open_books
from tests.integration.payments_counter import SECRET
from tests.integration.payments_rings import paid, signed

HUGE = 10**13


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe", "vietqr") as opened:
        yield opened


async def told(books: Books, difference: Difference, message: Message) -> Difference:
    (answer,) = await books.answering.many(store.differences.aggregate, [(difference.key, message)])
    assert isinstance(answer, Difference)
    return answer


async def found(books: Books, side: str) -> dict[str, Any]:
    found: dict[str, Any] = (await books.reconciles(side))["found"]
    return found


async def test_a_transfer_of_too_much_is_paid_back_by_hand_and_whoever_should_do_it_is_reminded(books: Books) -> None:
    bill = await books.filed()
    books.line("vietqr", HUGE, payment_code=bill.code)
    assert await found(books, "vietqr") == {"capture_unheard": {"open": 1}}
    (difference,) = await books.differences()
    assert (difference.found, difference.dossier_code) == (HUGE, bill.dossier_code)
    await told(books, difference, Return(refund_id=new_id(), reason="quá lớn", by="vận hành", by_hand=True))
    books.clock.ahead = timedelta(days=6)
    assert await found(books, "dossiers") == {"by_hand_waiting": {"open": 1}}
    assert await books.raised() == ["capture_unheard", "by_hand_waiting"]
    await told(books, difference, PayOutByHand(voucher="PC-1", by="thủ quỹ"))
    assert await found(books, "dossiers") == {}
    assert await books.balances() == {"gateway:vietqr": HUGE, "hand:operators": -HUGE}


async def test_a_webhook_of_too_much_is_worked_off_and_the_payment_is_sent_back(books: Books) -> None:
    """The gateway says the same when it is asked: the page is over, and the bill can be paid on another one."""
    bill = await books.filed()
    attempt = await books.page(bill)
    body = paid(str(attempt), HUGE)
    async with httpx.AsyncClient() as http:
        gateway = Stripe(http, [SECRET])
        await rings.keep(books.pool, [rings.Heard("stripe", gateway.hear(body, lowered(body), utc_now()), None)])
        while await WorkingOff({"stripe": gateway}, RingMetrics()).work_off(books.pool, books.answering):
            pass
    assert await books.pool.fetchval("select outcome from ring") == "not_taken"

    line = books.line("stripe", HUGE, attempt_id=attempt)
    truth = Captured(attempt_id=attempt, amount=HUGE, currency="VND", reference=line.reference, paid_at=line.at)
    after = await books.says(bill.key, truth)
    assert (after.state, [each.closed for each in after.past], after.captures) == ("open", [True], ())
    assert await found(books, "stripe") == {"capture_unheard": {"open": 1}}
    assert await books.raised() == ["capture_unheard"]
    (difference,) = await books.differences()
    sent = await told(books, difference, Return(refund_id=new_id(), reason="quá lớn", by="vận hành"))
    assert (sent.state, sent.apart) == ("returning", 0)
    asked = await books.pool.fetchval("select body from call where id = $1", sent.refund_id)
    assert (asked["amount"], asked["reference"]) == (HUGE, line.reference)
    await books.pays(await books.bill(bill.key))
    assert (await books.bill(bill.key)).state == "paid"


def lowered(body: bytes) -> dict[str, str]:
    """The headers as a server hands them on."""
    return {name.lower(): value for name, value in signed(body).items()}
