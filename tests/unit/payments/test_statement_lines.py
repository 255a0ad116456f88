"""One bad line of a statement never hides a good one, whichever gateway tells of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.adapters import stripe_statement, vietqr_lines, vnpay_reading
from services.payments.adapters.vnpay_signature import mac
from services.payments.domain.codes import payment_code
from services.payments.domain.gateway import Gateway
from services.payments.domain.tidings import UNREADABLE, Movement
from tests.records import NOON
from tests.unit.payments.bank_till import port_over
from tests.unit.payments.till import port_to
from tests.unit.payments.vnpay_till import port_saying
from tests.unit.sandbox.vnpay_shop import SECRET

Line = dict[str, Any]
GOOD: dict[str, Line] = {
    "vietqr": {
        "id": "FT0", "booked_at": NOON.isoformat(), "direction": "credit", "amount": "135000", "currency": "VND",
        "purpose": "", "return_reference": None, "original": None,
    },
    "vnpay": {
        "line": "17", "kind": "payment", "time": "20260609120000", "vnp_TxnRef": "x", "vnp_TransactionNo": "7",
        "vnp_TransactionDate": "20260609115900", "vnp_Amount": "13500000", "fee": 0, "vnp_RequestId": "",
    },
    "stripe": {
        "id": "txn_0", "type": "charge", "amount": 135_000, "fee": 0, "currency": "vnd",
        "created": int(NOON.timestamp()), "source": {"id": "ch_1", "payment_intent": "pi_1", "metadata": {}},
    },
}  # fmt: skip
ID = {"vietqr": "id", "vnpay": "line", "stripe": "id"}
READERS: dict[str, Callable[[Sequence[Any]], list[Movement]]] = {
    "vietqr": lambda lines: vietqr_lines.movements(lines, NOON),
    "vnpay": lambda lines: vnpay_reading.movements(lines, NOON),
    "stripe": lambda lines: stripe_statement.movements_of(lines, NOON),
}
patient = settings(deadline=None, max_examples=60)  # other work on the machine must not fail a claim
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("\0"), st.just("\ud800"),
    st.just(10**40), st.just("9" * 40), st.just([]), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@st.composite
def bad(draw: st.DrawFn, gateway: str) -> Any:
    """A line with something else in some of its fields, or nothing like a line."""
    if draw(st.integers(0, 4)) == 0:
        return draw(JUNK)
    line = GOOD[gateway]
    names = draw(st.lists(st.sampled_from(sorted(line)), min_size=1, max_size=3))
    return line | {ID[gateway]: "another"} | {name: draw(JUNK) for name in names}


def is_kept(line: Movement) -> bool:
    """Whether a row of the database takes it."""
    texts = (line.line, line.reference, line.currency, line.payment_code or "", line.purpose, line.note)
    "".join(texts).encode()
    numbers = (line.amount, line.fee)
    return not any("\0" in text for text in texts) and all(abs(each) < 2**62 for each in numbers) and bool(line.line)


@patient
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_one_bad_line_never_hides_a_good_one(gateway: str, data: st.DataObject) -> None:
    """Each line becomes one, which can be kept; a good one stays what it is, in its place."""
    odd = data.draw(st.lists(bad(gateway), max_size=4))
    place = data.draw(st.integers(0, len(odd)))
    found = READERS[gateway]([*odd[:place], GOOD[gateway], *odd[place:]])
    assert len(found) == len(odd) + 1
    assert all(map(is_kept, found))
    (good,) = READERS[gateway]([GOOD[gateway]])
    assert found[place] == good
    assert (good.kind, good.amount, good.currency) == ("capture", 135_000, "VND")
    unread = [line for line in found if line.note.startswith(UNREADABLE)]
    assert not {line.line for line in unread} & {line.line for line in found if line not in unread}
    assert all((line.kind, line.at.tzinfo is not None) == ("other", True) for line in unread)


@pytest.mark.parametrize(
    ("changes", "amount", "reason"),
    [
        ({"amount": "1234.56"}, 1_234, "1234.56 VND is no whole amount"),
        ({"amount": "1234.56", "direction": "debit"}, -1_234, "1234.56 VND is no whole amount"),
        ({"amount": "10.125", "currency": "KWD"}, 0, "the bank tells no Line: amount"),
        ({"direction": "hold"}, 0, "a line of the statement is hold"),
        ({"amount": "0"}, 0, "a line moves nothing"),
    ],
)
def test_what_cannot_be_read_stands_under_its_own_id_with_as_much_as_is_known(
    changes: Line, amount: int, reason: str
) -> None:
    (line,) = READERS["vietqr"]([GOOD["vietqr"] | changes])
    told = (line.line, line.kind, line.amount, line.currency, line.at, line.note)
    assert told == ("FT0", "other", amount, "VND", NOON, UNREADABLE + reason)


def test_a_line_without_a_time_is_of_the_time_that_was_asked_for_and_has_one_name_always() -> None:
    nameless = {"vnp_Amount": "100"}
    (first,), (again,) = READERS["vnpay"]([nameless]), READERS["vnpay"]([nameless])
    assert (first, first.at) == (again, NOON)
    (other,) = READERS["vnpay"]([{"vnp_Amount": "200"}])
    assert other.line != first.line


def test_asked_about_a_picture_the_bank_is_understood_beside_a_line_that_is_not() -> None:
    """Where nothing else names the code, what cannot be read may be the money: nothing is decided."""
    code, attempt_id = payment_code(new_id()), new_id()
    good, odd = GOOD["vietqr"] | {"purpose": code}, GOOD["vietqr"] | {"purpose": code, "amount": "1234.56"}
    found = vietqr_lines.newest_of([odd, {"id": "FT1"}, good], code, attempt_id)
    assert found is not None
    assert (found.attempt_id, found.amount) == (attempt_id, 135_000)
    assert vietqr_lines.newest_of([GOOD["vietqr"]], code, attempt_id) is None
    for line in (odd, {"id": "FT1"}):
        with pytest.raises(Unanswered):
            vietqr_lines.newest_of([line], code, attempt_id)


def at_the_bank(lines: Sequence[Any]) -> Gateway:
    page = {"lines": lines, "next": "9", "more": False}
    return port_over(httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(page))))


def at_vnpay(lines: Sequence[Any]) -> Gateway:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = dict(parse_qsl(request.url.query.decode()))
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        body = "\n".join((json.dumps({"vnp_RequestId": asked["vnp_RequestId"], "pages": 1}), *texts)).encode()
        return httpx.Response(200, content=body, headers={"X-VNPAY-Signature": mac(SECRET, body)})

    return port_saying(answer)


def at_stripe(lines: Sequence[Any]) -> Gateway:
    return port_to(httpx.MockTransport(lambda _: httpx.Response(200, json={"data": lines, "has_more": False})))


PORTS = {"vietqr": at_the_bank, "vnpay": at_vnpay, "stripe": at_stripe}
ODD = {"vietqr": {"id": "FT1"}, "vnpay": "no JSON", "stripe": {"id": "txn_1"}}


@pytest.mark.parametrize("gateway", sorted(GOOD))
async def test_a_statement_with_a_line_that_cannot_be_read_is_read(gateway: str) -> None:
    """The odd one first and last, with neither kind nor time: it is told with the time that was asked for."""
    good, odd, asked = GOOD[gateway], ODD[gateway], NOON.astimezone(UTC) - timedelta(minutes=5)
    told: AsyncIterator[Sequence[Movement]] = PORTS[gateway]([odd, good, odd]).movements(
        asked, asked + timedelta(hours=1), ()
    )
    lines = [line async for page in told for line in page]
    assert [line.kind for line in lines] == ["other", "capture", "other"]
    assert lines[0].at == asked
    assert isinstance(lines[0].at, datetime)
