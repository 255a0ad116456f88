"""Money that goes back by the bank: once, refused, returned, or with an end that nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from chassis.errors import Unanswered
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.gateway import UnknownCode
from tests.unit.payments.bank_till import Till, asked_again, bank_till_in, port_over
from tests.unit.payments.till import CALLING
from tests.unit.sandbox.bank_client import DAY
from tests.unit.sandbox.client import arm


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with bank_till_in(tmp_path) as till:
        yield till


async def test_a_refund_is_unanswered_until_the_bank_has_settled_it_and_taken_once(till: Till) -> None:
    refund = till.refund(await till.paid())
    for _ in range(2):
        with pytest.raises(Unanswered):
            await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    debit = (await till.bank.lines())[-1]["id"]
    done = RefundDone(refund_id=refund.refund_id, reference=debit)
    assert await till.port.refund(refund, CALLING) == done
    assert await till.port.ask_refund(asked_again(refund), CALLING) == done
    assert len(await till.bank.lines()) == 2


async def test_a_refund_whose_answer_was_lost_is_one_refund(till: Till) -> None:
    refund = till.refund(await till.paid())
    await arm(till.bank.http, "timeout_after_charge", delay_seconds=0.01)
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    assert isinstance(await till.port.refund(refund, CALLING), RefundDone)
    assert len(await till.bank.lines()) == 2


async def test_a_refund_that_an_older_release_worded_otherwise_is_still_the_same(till: Till) -> None:
    money = await till.paid()
    refund = till.refund(money)
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    reworded = refund.model_copy(update={"dossier_code": "otherwise"})
    assert isinstance(await till.port.refund(reworded, CALLING), RefundDone)
    with pytest.raises(Unanswered):
        await till.port.refund(refund.model_copy(update={"amount": 1}), CALLING)


async def test_a_refund_is_refused_by_the_banks_reason(till: Till) -> None:
    money = await till.paid()
    too_much = till.refund(money, 135_001)
    expected = RefundRefused(refund_id=too_much.refund_id, reason="amount_too_large")
    assert await till.port.refund(too_much, CALLING) == expected
    await arm(till.bank.http, "refund_refused")
    refund = till.refund(money)
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    refused = RefundRefused(refund_id=refund.refund_id, reason="account_closed")
    assert await till.port.refund(refund, CALLING) == refused
    assert await till.port.ask_refund(asked_again(refund), CALLING) == refused
    till.bank.pass_time(90 * DAY)
    late = await till.port.refund(till.refund(money), CALLING)
    assert isinstance(late, RefundRefused)
    assert late.reason == "window_over"


async def test_a_refund_that_comes_back_is_refused_afterwards(till: Till) -> None:
    refund = till.refund(await till.paid())
    await arm(till.bank.http, "refund_returned", delay_seconds=60)
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    assert isinstance(await till.port.ask_refund(asked_again(refund), CALLING), RefundDone)
    till.bank.pass_time(60)
    assert isinstance(await till.port.ask_refund(asked_again(refund), CALLING), RefundRefused)


async def test_not_found_is_no_answer(till: Till) -> None:
    money = await till.paid()
    with pytest.raises(Unanswered):
        await till.port.ask_refund(asked_again(till.refund(money)), CALLING)
    with pytest.raises(Unanswered):
        await till.port.refund(till.refund(money, reference="FT0"), CALLING)


async def test_a_status_and_a_refusal_that_nobody_knows_are_said_aloud(till: Till) -> None:
    await arm(till.bank.http, "unknown_code")
    with pytest.raises(UnknownCode):
        await till.port.refund(till.refund(await till.paid()), CALLING)
    port = port_over(httpx.MockTransport(lambda _: httpx.Response(422, json={"error": {"code": "moon_phase"}})))
    with pytest.raises(UnknownCode):
        await port.refund(till.refund(await till.paid()), CALLING)


async def test_a_reason_that_nobody_knows_is_told_in_a_general_word_and_said_aloud(till: Till) -> None:
    """The status has decided; nothing of the bank's own goes out with our events."""
    refund = till.refund(await till.paid())
    await arm(till.bank.http, "refund_refused")
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    till.bank.office.store.change("returns", "reference", str(refund.refund_id), reason="moon_phase")
    with capture_logs() as logs:
        told = await till.port.ask_refund(asked_again(refund), CALLING)
    assert told == RefundRefused(refund_id=refund.refund_id, reason="refused_by_bank")
    assert [(each["log_level"], each["code"]) for each in logs] == [("error", "moon_phase")]
