"""The oracle's figures for money, notices and order, on evidence made by hand; the mutations show the others."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from motcua.actors import persona
from motcua.walk import FEE
from tests.chaos.evidence import Evidence, Told
from tests.chaos.journeys import REFUSED, RETURNED, Journey
from tests.chaos.oracle import CLEARING, judge, sequences, strangers
from tests.chaos.run import Result
from tests.chaos.verdict import Verdict

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


def figures(found: Evidence) -> dict[str, int]:
    return judge([Journey(0, "returned", "anh", "key", random.Random(0), CODE)], found).figures()


def test_what_nobody_was_told_of_is_lost() -> None:
    ghost = {"code": "ghost", "dossier_code": "ghost", "sequence": 0}
    plain = figures(evidence())["lost"]
    views = [{**ghost, "dossier_code": CODE}, ghost]
    assert plain == figures(evidence(people=[{"person_id": persona("anh")["subject"], "sequence": 0}]))["lost"]
    assert figures(evidence(appointments=[ghost]))["lost"] == plain + 1
    assert figures(evidence(people=[{"person_id": "nobody", "sequence": 0}]))["lost"] == plain + 1
    verdict = Verdict()
    strangers(verdict, evidence(views=views, told=[Told("dossiers.v1", "1", "x", "ghost", 1, "ghost", None)]), set())
    assert len(verdict.lost) == 2


def test_contacts_out_of_order_count() -> None:
    told = [Told("contacts.v1", str(number), "contact.updated", "p", number, "p", None) for number in (2, 1)]
    assert figures(evidence(told=told, people=[{"person_id": "p", "sequence": 2}]))["out_of_order"] == 1


def test_a_long_run_with_few_faults_is_not_green() -> None:
    assert not Result(1000, 1, {"kill.anywhere": 299}, Verdict(), 1.0).green
    assert Result(1000, 1, {"kill.anywhere": 300}, Verdict(), 1.0).green
    assert Result(20, 1, {}, Verdict(), 1.0).green


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
