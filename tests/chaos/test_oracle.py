"""The oracle's figures for money, notices and order, on evidence made by hand; the mutations show the others."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from motcua.actors import persona
from motcua.walk import FEE
from tests.chaos.evidence import Evidence, Told
from tests.chaos.oracle import CLEARING, judge, sequences, strangers
from tests.chaos.run import Result
from tests.chaos.verdict import Verdict
from tests.chaos.walking import REFUSED, RETURNED, Journey

CODE = "G09.20-260609-0001"


def evidence(status: int = RETURNED, state: str = "paid", **changes: Any) -> Evidence:
    """One dossier whose fee was charged, and nothing else known of it."""
    plain = Evidence(
        codes={CODE},
        told=[],
        dossiers=[{"code": CODE, "status": status, "sequence": 0}],
        bills=[bill(state)],
        ledger=[entry(FEE)],
        notices=[],
        appointments=[],
        views=[],
        movements=[movement(FEE)],
        messages=[],
        letters=[],
    )
    return replace(plain, **changes)


def bill(state: str = "paid", amount: int = FEE, receipt: str | None = "2026/00000001") -> dict[str, Any]:
    known = {"dossier_code": CODE, "bill_id": f"bill of {amount}", "sequence": 0}
    return {**known, "state": state, "receipts": [receipt] if receipt else [], "amount": amount}


def movement(amount: int, code: str | None = CODE) -> dict[str, Any]:
    return {"client_reference_id": code, "amount": amount}


def entry(amount: int) -> dict[str, Any]:
    return {"dossier_code": CODE, "transaction_id": "t", "account": CLEARING, "debit": amount, "credit": amount}


def figures(found: Evidence, **changes: Any) -> dict[str, int]:
    return judge([Journey(0, "returned", "anh", "key", random.Random(0), CODE, **changes)], found).figures()


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


def test_each_bill_that_was_asked_for_must_be_there_and_end_as_its_dossier_does() -> None:
    later, both = bill(amount=20_000, receipt="2026/00000002"), [FEE, 20_000]
    plain = figures(evidence(bills=[bill(), later]), fees=both)["lost"]
    assert figures(evidence(), fees=both)["lost"] == plain + 1
    assert figures(evidence(bills=[bill(), later, later]), fees=both)["lost"] > plain
    assert figures(evidence(bills=[bill(), {**later, "state": "open"}]), fees=both)["lost"] == plain + 1
    assert figures(evidence(bills=[bill(), {**later, "receipts": []}]), fees=both)["lost"] == plain + 1


def test_fees_that_came_up_later_are_kept_too_and_no_more_of_them() -> None:
    found = evidence(bills=[bill(), bill(amount=20_000)], movements=[movement(FEE), movement(20_000)])
    assert figures(found)["double_charges"] == 0
    assert figures(replace(found, movements=[*found.movements, movement(20_000)]))["double_charges"] == 1
    assert figures(replace(found, dossiers=[{"code": CODE, "status": 8, "sequence": 0}]))["double_charges"] == 1


def test_an_event_that_was_promised_twice_must_stand_in_the_log_twice() -> None:
    told = [Told("contacts.v1", str(number), "dossier.x", CODE, number, CODE, None) for number in (1, 2)]
    verdicts = [
        judge(
            [Journey(0, "returned", "anh", "key", random.Random(0), CODE, accepted)], evidence(told=told[:count])
        ).lost
        for count in (1, 2)
        for accepted in (["dossier.x"] * 2,)
    ]
    assert [any("dossier.x stands" in each for each in found) for found in verdicts] == [True, False]


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
