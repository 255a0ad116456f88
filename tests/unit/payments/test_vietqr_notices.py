"""The bank's notices: what is heard, and what they tell."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal, Unanswered
from deploy.sandbox.kit.retrying import timed_signature as signature
from services.payments.adapters.vietqr_notices import told
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.tidings import Ring
from tests.records import NOON
from tests.unit.payments.bank_till import Till, bank_till_in, port_over
from tests.unit.payments.till import CALLING
from tests.unit.sandbox.bank_client import SECRET

patient = settings(deadline=None)  # other work on the machine must not fail a claim


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with bank_till_in(tmp_path) as till:
        yield till


async def test_a_returns_fate_names_its_bill_and_asks(till: Till) -> None:
    refund = till.refund(await till.paid())
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    (tiding,) = till.told("return.")
    assert (tiding.bill_id, tiding.captured) == (refund.bill_id, None)


async def test_a_return_that_names_no_bill_is_known_by_the_money_it_sends_back(till: Till) -> None:
    page = await till.page()
    line = await till.pays(page)
    await till.bank.send_back(reference="by-hand-at-the-bank", line=line["id"], amount="1")
    till.bank.pass_time(2)
    assert [each.payment_code for each in till.told("return.")] == [page.session_id]
    _, debit = await till.movements()
    assert (debit.kind, debit.refund_id) == ("refund", None)


def test_an_event_of_another_kind_tells_nothing() -> None:
    port = port_over(httpx.MockTransport(lambda _: httpx.Response(500)))
    assert port.tell(Ring("ntc_1", "sandbox.unheard_of", b"{}")) == ()


@pytest.mark.parametrize(("field", "value"), [("direction", "sideways"), ("amount", "0")])
async def test_a_direction_that_nobody_knows_or_a_credit_of_nothing_is_said_aloud(
    till: Till, field: str, value: str
) -> None:
    await till.pays(await till.page())
    (notice,) = till.bank.notices()
    notice["body"]["data"]["line"][field] = value
    with pytest.raises(UnknownCode):
        till.port.tell(Ring("ntc_1", "line.credited", json.dumps(notice["body"]).encode()))


def test_a_signed_notice_is_heard_and_a_body_that_is_no_event_is_refused() -> None:
    port = port_over(httpx.MockTransport(lambda _: httpx.Response(500)))
    at = int(NOON.timestamp())
    body = b'{"id": "ntc_1", "type": "line.credited", "data": {}}'
    assert port.hear(body, {"x-bank-signature": signature(SECRET, body, at)}, NOON) == Ring(
        "ntc_1", "line.credited", body
    )
    for wrong in (b"", b"[]", b'{"id": 7}', b'{"id": "", "type": "x"}', b"\xff"):
        with pytest.raises(Refusal) as refused:
            port.hear(wrong, {"x-bank-signature": signature(SECRET, wrong, at)}, NOON)
        assert (refused.value.status, refused.value.code) == (400, "bad_event")
    with pytest.raises(Refusal):
        port.hear(body, {}, NOON)


@patient
@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda each: json.dumps(each).encode()))
def test_no_body_breaks_what_is_told(body: bytes) -> None:
    for kind in ("line.credited", "return.done"):
        with pytest.raises(Unanswered):
            told(Ring("ntc_1", kind, body))
