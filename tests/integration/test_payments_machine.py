"""A bill and its gateways, with every answer late, lost, repeated or in another order: what may never happen, and the end.

The gateways are honest (a page that was called closed never takes money, and no page takes what it did not ask for), or
they break their word, as banks do now and then. With MOTCUA_MACHINE_STEPS=100000 about so many steps are gone at random;
without it a few thousand, always the same ones.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from services.payments.domain.gateways import GATEWAYS
from tests.integration.payments_machine_claims import ENDS, Claims
from tests.integration.payments_machine_model import HAPPENED
from tests.integration.payments_machine_people import People

ROUNDS = 10
LONG = int(os.environ.get("MOTCUA_MACHINE_STEPS", "0"))
STEPS = 50
EXPECTED = (
    *(f"page at {name}" for name in GATEWAYS),
    *(f"paid at {name}" for name in GATEWAYS),
    "page refused",
    "page cancelled",
    "page given up",
    "page given up in checkout",
    "page given up, and paid",
    "at the counter",
    "by the payer's bank",
    "part",
    "too much",
    "second money",
    "late money",
    "closed page paid",
    "other amount",
    "other currency",
    "webhook believed",
    "webhook again",
    "false webhook",
    "webhook lost",
    "answer again",
    "call repeated",
    "call refused",
    "refund ordered",
    "refund ordered wrongly",
    "refund came back",
    "paid out",
    "settled return",
    "settled accept",
    "expired",
    "withdrawn",
    "taken back",
    "taken back when paid",
    "silence",
    "reminded",
    "reconciled",
    *(f"in the end {state}" for state in sorted(ENDS)),
)


class BillAndGateways(People, Claims):
    """All rules and all claims; what they are about stands in `payments_machine_model.py`."""


@pytest.mark.timeout(0 if LONG else 300)
def test_whatever_happens_each_dong_is_explained_and_the_fees_are_kept_once() -> None:
    """And each kind of thing really happened, or the machine would prove less than it says.

    What is drawn depends on the modules that are loaded besides: so there are rounds, until nothing is missing.
    """
    HAPPENED.clear()
    for number in range(1 if LONG else ROUNDS):
        run_state_machine_as_test(
            BillAndGateways if LONG else seed(number)(BillAndGateways),
            settings=settings(
                max_examples=max(1, LONG // STEPS) if LONG else 200,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        missing = [name for name in EXPECTED if not HAPPENED[name]]
        if number and not missing:
            break
    print({name: HAPPENED[name] for name in EXPECTED})
    assert missing == []
