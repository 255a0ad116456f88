"""The oracle's figures for money, notices and order, on evidence made by hand; the mutations show the others."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from motcua.journey import FEE
from tests.chaos.evidence import Evidence, Told
from tests.chaos.journeys import REFUSED, RETURNED, Journey
from tests.chaos.oracle import CLEARING, Verdict, judge, sequences

CODE = "G09.20-260609-0001"


def evidence(status: int = RETURNED, state: str = "paid", **changes: Any) -> Evidence:
    """One dossier whose fee was charged, and nothing else known of it."""
    bill = {"dossier_code": CODE, "state": state, "sequence": 0, "receipt_number": "2026/00000001", "amount": FEE}
    plain = Evidence(
        codes={CODE},
        told=[],
        dossiers=[{"code": CODE, "status": status, "sequence": 0}],
        bills=[bill],
        ledger=[entry(FEE)],
        notices=[],
        appointments=[],
        views=[],
        movements=[movement(FEE)],
        messages=[],
        letters=[],
    )
    return replace(plain, **changes)


def movement(amount: int, code: str | None = CODE) -> dict[str, Any]:
    return {"client_reference_id": code, "amount": amount}


def entry(amount: int) -> dict[str, Any]:
    return {"dossier_code": CODE, "transaction_id": "t", "account": CLEARING, "debit": amount, "credit": amount}


def notice(notice_id: str, in_doubt: bool = False) -> dict[str, Any]:
    key = f"{CODE}/accepted/email"
    return {"key": key, "notice_id": notice_id, "channel": "email", "sequence": 0, "in_doubt": in_doubt}


def figures(found: Evidence) -> dict[str, int]:
    return judge([Journey(0, "returned", "anh", "key", random.Random(0), CODE)], found).figures()


def test_a_fee_that_was_charged_twice_and_kept_is_a_double_charge() -> None:
    assert figures(evidence(movements=[movement(FEE), movement(FEE)]))["double_charges"] == 1
    assert figures(evidence(movements=[movement(FEE), movement(FEE), movement(-FEE)]))["double_charges"] == 0


def test_the_fee_of_a_refused_dossier_may_not_be_kept_unless_its_refund_came_back() -> None:
    assert figures(evidence(REFUSED, "refunded"))["double_charges"] == 1
    assert figures(evidence(REFUSED, "refunded", movements=[movement(FEE), movement(-FEE)]))["double_charges"] == 0
    assert figures(evidence(REFUSED, "refund_failed"))["double_charges"] == 0


def test_a_difference_between_gateway_ledger_and_what_is_due_is_unexplained_to_the_dong() -> None:
    balanced = evidence(ledger=[{**entry(FEE), "credit": 0}, {**entry(FEE), "account": "fee", "debit": 0}])
    assert figures(balanced)["unexplained_dong"] == 0
    assert figures(replace(balanced, movements=[movement(FEE - 7)]))["unexplained_dong"] == 7
    assert figures(replace(balanced, movements=[movement(FEE), movement(5, None)]))["unexplained_dong"] == 5
    assert figures(replace(balanced, ledger=[{**entry(FEE), "credit": 0}]))["unexplained_dong"] == FEE


def test_an_sms_that_a_phone_shows_twice_or_that_nobody_decided_on_is_a_double_notice() -> None:
    sms = {"reference": "n", "recipient": "+84590001001", "text": f"Hồ sơ {CODE} đã được tiếp nhận."}
    known = [{**notice("n"), "channel": "sms"}]
    assert figures(evidence(notices=known, messages=[sms]))["double_notices"] == 0
    assert figures(evidence(notices=known, messages=[sms, sms]))["double_notices"] == 1
    assert figures(evidence(messages=[sms]))["double_notices"] == 1


def test_a_letter_that_came_twice_counts_unless_it_was_repeated_in_doubt() -> None:
    assert figures(evidence(notices=[notice("n")], letters=["n", "n"]))["double_notices"] == 1
    assert figures(evidence(notices=[notice("n", in_doubt=True)], letters=["n", "n"]))["double_notices"] == 0


@pytest.mark.parametrize(("numbers", "wrong"), [((1, 2), 0), ((2, 1), 1), ((1, 3), 1), ((1, 2, 3), 1)])
def test_events_out_of_sequence_or_never_told_by_their_owner_are_out_of_order(
    numbers: tuple[int, ...], wrong: int
) -> None:
    told = [
        Told("appointments.v1", str(place), "appointment.attended", CODE, number, CODE, None)
        for place, number in enumerate(numbers)
    ]
    verdict = Verdict()
    sequences(verdict, evidence(told=told, appointments=[{"dossier_code": CODE, "sequence": 2}]))
    assert len(verdict.out_of_order) == wrong
