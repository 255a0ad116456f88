"""`motcua payments reconcile` against a running payments: what it prints, and its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer

from chassis.answering import Answering
from chassis.clock import VIETNAM
from chassis.fold import Voice
from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.messages import StartCheckout
from tests.database import Server as Postgres
from tests.integration.intake_desk import signing
from tests.integration.payments_counter import AMOUNT, Counter, Found, open_counter
from tests.integration.test_payments_differences import stated, stranger_pays

RECONCILED, OPEN, CANNOT = 0, 1, 2


@dataclass(frozen=True)
class Told:
    """How the command ended and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Operator:
    """Somebody at a command line, of a running payments and of who signs people in."""

    counter: Counter
    oidc: str

    async def reconciles(self, *arguments: str) -> Told:
        """The command as a process of its own, to its end."""
        where = {"PAYMENTS_URL": str(self.counter.http.base_url).rstrip("/"), "OIDC_URL": self.oidc}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.payments_operator_process", "reconcile", *arguments),
            env={**os.environ, **where, "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Told(process.returncode, out.decode(), err.decode())

    async def finds(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Its exit code, and all that it prints for programs: one JSON document."""
        told = await self.reconciles(*arguments, "--json")
        return told.code, json.loads(told.out)


@pytest.fixture
async def operator(postgres_server: Postgres, tmp_path: Path) -> AsyncIterator[Operator]:
    with signing(tmp_path) as provider:
        async with open_counter(postgres_server, tmp_path, oidc_issuer=provider.url) as counter:
            yield Operator(counter, provider.url)


async def test_all_sides_agree_and_then_a_strangers_payment_is_listed_until_it_is_explained(operator: Operator) -> None:
    counter = operator.counter
    code, told = await operator.finds()
    assert (code, told["unexplained_dong"], told["unexplained"], told["differences"]) == (RECONCILED, 0, 0, [])
    assert [(run["gateway"], run["day"], run["error"]) for run in told["runs"]] == [
        ("stripe", None, None),
        ("dossiers", None, None),
    ]
    assert {"lines", "healed", "by_rule", "found", "gone", "unexplained", "unexplained_dong"} < set(
        told["runs"][0]["report"]
    )
    reference = await stranger_pays(counter)
    counter.passes(minutes=11)
    code, told = await operator.finds("--gateway", "stripe")
    assert (code, told["unexplained_dong"], told["unexplained"]) == (OPEN, 70_000, 1)
    (run,), (difference,) = told["runs"], told["differences"]
    assert (run["gateway"], run["report"]["found"]) == ("stripe", {"unknown_payment": {"open": 1}})
    assert (difference["kind"], difference["reference"], difference["found"]) == ("unknown_payment", reference, 70_000)
    shown = await operator.reconciles()
    assert (shown.code, "unknown_payment" in shown.out, "money.md" in shown.out) == (OPEN, True, True)
    assert "unexplained: 1 (70.000 đ)" in shown.out
    assert (await operator.finds("--gateway", "dossiers"))[0] == RECONCILED


async def test_a_day_with_a_payment_whose_webhook_was_lost_agrees_after_the_command(operator: Operator) -> None:
    """Whether the command healed it, or whoever asks after silence was quicker."""
    counter = operator.counter
    await counter.arm("webhook_lost", times=1000)
    dossier = await counter.filed()
    start = StartCheckout(attempt_id=new_id(), return_url="http://127.0.0.1:9")
    answering = Answering(counter.pool, Voice("/motcua/payments", NoOpTracer(), counter.clock), counter.service.decides)
    await answering.many(store.bills.aggregate, [(dossier.code, start)])
    await counter.pays((await counter.comes_to(dossier, "in_checkout"))["attempt"]["url"])
    await stated(counter)
    (line,) = (await counter.at_gateway("/v1/balance_transactions"))["data"]
    counter.passes(minutes=11)
    day = datetime.fromtimestamp(line["created"], VIETNAM)
    code, told = await operator.finds("--day", f"{day:%Y-%m-%d}", "--gateway", "stripe")
    assert (code, told["runs"][0]["report"]["lines"], told["differences"]) == (RECONCILED, 1, [])
    assert (await counter.bill(dossier))["state"] == "paid"
    assert (await counter.balances(dossier))["gateway:stripe"] == AMOUNT
    shown = await operator.reconciles("--gateway", "stripe")
    assert (shown.code, "every đồng is explained" in shown.out) == (RECONCILED, True)


async def test_a_gateway_that_does_not_answer_and_one_that_nobody_knows_are_told_apart_from_differences(
    operator: Operator,
) -> None:
    counter = operator.counter
    unknown = await operator.reconciles("--gateway", "momo", "--json")
    assert (unknown.code, "stripe" in unknown.err, unknown.out) == (CANNOT, True, "")
    await counter.arm("storm_500", times=10_000)
    shown = await given_up(counter, operator.reconciles("--gateway", "stripe"))
    assert (shown.code, "could not be done" in shown.out, "is explained" in shown.out) == (CANNOT, True, False)
    await counter.all_is_well()
    await stranger_pays(counter)
    counter.passes(minutes=11)
    assert (await operator.finds())[0] == OPEN
    await counter.arm("storm_500", times=10_000)
    code, told = await given_up(counter, operator.finds())
    silent, dossiers = told["runs"]
    assert (code, silent["gateway"], silent["report"], dossiers["report"]["unexplained"]) == (CANNOT, "stripe", None, 0)
    assert silent["error"]
    assert (told["unexplained_dong"], told["unexplained"]) == (70_000, 1), "what was found before is open still"


async def given_up(counter: Counter, command: Coroutine[Any, Any, Found]) -> Found:
    """What a command answers whose runs are tried again at once, until none is left that waits."""
    asking = asyncio.create_task(command)
    while not asking.done():
        await counter.pool.execute("update reconciliation_run set due_at = now() where finished_at is null")
        await counter.pool.execute("notify reconciliations")
        await asyncio.wait([asking], timeout=0.2)
    return await asking
