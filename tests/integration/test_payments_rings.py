"""Webhooks are kept before they are answered, and worked off afterwards: none is lost, none has its effect twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from chassis.identifiers import new_id
from chassis.postgres import Connection
from services.payments import store
from tests.integration.payments_counter import PAID, Counter, Dossier, eventually
from tests.integration.payments_rings import another_process, event, heard, in_checkout, paid, ring_comes_to, ring_of
from tests.waiting import kept_open


@asynccontextmanager
async def held(counter: Counter, *dossiers: Dossier) -> AsyncIterator[Connection]:
    """Somebody else is at these bills until the block is left: on this connection."""
    codes = [dossier.code for dossier in dossiers]
    async with kept_open(counter.pool) as connection:
        await connection.execute("select from bill where dossier_code = any($1) for update", codes)
        yield connection


async def waits(counter: Counter, body: bytes) -> dict[str, Any]:
    ring = await ring_of(counter.pool, body)
    assert ring is not None
    assert (ring["outcome"], ring["done_at"]) == (None, None)
    return ring


async def is_put_off(counter: Counter, body: bytes) -> None:
    """Wait until it was looked at and left for later. Raises AssertionError when it never is."""

    async def later() -> bool:
        ring = await waits(counter, body)
        return bool(ring["due_at"] > ring["heard_at"] and ring["last_error"] is None)

    try:
        await eventually(later)
    except TimeoutError:
        raise AssertionError("the ring is not put off") from None


async def is_paid_once(counter: Counter, dossier: Dossier) -> None:
    await counter.tells(dossier, "receipt-issued")
    assert await counter.names(dossier) == ["opened", "started", "succeeded", "receipt-issued"]
    assert await counter.balances(dossier) == PAID


async def test_a_webhook_is_answered_while_its_bill_cannot_be_decided_on(counter: Counter) -> None:
    """The answer waits for nothing but its own row. What is withheld is done as soon as it can be."""
    dossier, attempt = await in_checkout(counter)
    body = paid(attempt)
    async with held(counter, dossier):
        await heard(counter.http, body)
        await heard(counter.http, body)
        await waits(counter, body)
    await is_paid_once(counter, dossier)
    await ring_comes_to(counter.pool, body, "done")


async def test_a_bill_that_somebody_is_at_holds_up_no_other(counter: Counter) -> None:
    (busy, first), (free, second) = await in_checkout(counter), await in_checkout(counter)
    body = paid(first)
    async with held(counter, busy):
        await heard(counter.http, body)
        await is_put_off(counter, body)
        await heard(counter.http, paid(second))
        await is_paid_once(counter, free)
        assert (await counter.bill(busy))["state"] == "in_checkout"
    await is_paid_once(counter, busy)


async def test_what_was_answered_is_taken_in_by_the_next_process_when_this_one_is_killed(
    counter: Counter, tmp_path: Path
) -> None:
    """Killed after the answer and before anything was decided."""
    dossier, attempt = await in_checkout(counter)
    body = paid(attempt)
    async with another_process(counter, tmp_path / "log") as (http, process):
        async with held(counter, dossier):
            await heard(http, body)
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
            await waits(counter, body)
        await is_paid_once(counter, dossier)


async def test_what_a_dead_process_had_in_hand_is_done_again_without_a_double_effect(counter: Counter) -> None:
    """Its lease ends: also when it had committed, and its mark alone was lost."""
    dossier, attempt = await in_checkout(counter)
    body = paid(attempt)
    await heard(counter.http, body)
    await is_paid_once(counter, dossier)
    await ring_comes_to(counter.pool, body, "done")
    await counter.pool.execute(
        """update ring set outcome = null, done_at = null, lease = gen_random_uuid(), leased_until = now() + interval '1 s'
        where event_id = $1""",
        json.loads(body)["id"],
    )
    await ring_comes_to(counter.pool, body, "done")
    await is_paid_once(counter, dossier)


async def test_one_that_cannot_be_taken_in_is_kept_with_its_error_and_stops_no_other(counter: Counter) -> None:
    pages = [await in_checkout(counter) for _ in range(5)]
    bodies = [paid(attempt) for _, attempt in pages]
    broken, _ = pages[2]
    attempt = (await counter.bill(broken))["attempt"]
    write = "update bill set attempt = $2::jsonb where dossier_code = $1"
    async with held(counter, *(dossier for dossier, _ in pages)) as connection:
        await asyncio.gather(*(heard(counter.http, body) for body in bodies))
        await connection.execute(write, broken.code, '{"broken": true}')
    for place in (0, 1, 3, 4):
        await ring_comes_to(counter.pool, bodies[place], "done")
        await is_paid_once(counter, pages[place][0])

    async def kept() -> bool:
        return "ValidationError" in ((await waits(counter, bodies[2]))["last_error"] or "")

    await eventually(kept)
    await counter.pool.execute(write, broken.code, json.dumps(attempt))
    await ring_comes_to(counter.pool, bodies[2], "done")
    await is_paid_once(counter, broken)


async def test_a_code_that_nobody_knows_is_kept_shown_and_tried_again(counter: Counter) -> None:
    dossier, attempt = await in_checkout(counter)
    body = paid(attempt, status="sandbox_strange")
    await heard(counter.http, body)

    async def tried_twice() -> bool:
        return bool((await waits(counter, body))["tries"] >= 2)

    await eventually(tried_twice)
    assert "sandbox_strange" in (await waits(counter, body))["last_error"]
    assert (await counter.bill(dossier))["state"] == "in_checkout"

    async def shown() -> bool:
        lines = (await counter.http.get("/metrics")).text.splitlines()
        gauges = dict(line.rsplit(" ", 1) for line in lines if line.startswith("motcua_") and "{" not in line)
        return float(gauges["motcua_rings_waiting"]) >= 1 and float(gauges["motcua_oldest_ring_seconds"]) > 0

    await eventually(shown)
    listed = (await counter.asked("GET", "/rings?gateway=stripe", "operator")).json()
    assert "body" not in listed[0]
    assert {"event_id": json.loads(body)["id"], "outcome": None}.items() <= listed[0].items()
    await counter.pool.execute("delete from ring where event_id = $1", json.loads(body)["id"])


async def test_an_operator_has_a_webhook_worked_off_again_without_a_double_effect(counter: Counter) -> None:
    dossier, attempt = await in_checkout(counter)
    body = paid(attempt)
    await heard(counter.http, body)
    await ring_comes_to(counter.pool, body, "done")
    first = await ring_of(counter.pool, body)
    path = f"/rings/replay?gateway=stripe&event_id={json.loads(body)['id']}"
    assert (await counter.asked("POST", path, "citizen", person_id=str(dossier.person))).status_code == 403
    assert (await counter.asked("POST", path + "x", "operator")).status_code == 404
    assert (await counter.asked("POST", path, "operator")).status_code == 202

    async def again() -> bool:
        ring = await ring_of(counter.pool, body)
        return bool(first and ring and ring["outcome"] == "done" and ring["done_at"] > first["done_at"])

    await eventually(again)
    await is_paid_once(counter, dossier)


async def test_several_webhooks_about_one_bill_at_the_same_time_are_taken_in_one_by_one(counter: Counter) -> None:
    dossier, attempt = await in_checkout(counter)
    bodies = [paid(attempt), event("charge.updated", id="ch_1"), *(paid(attempt) for _ in range(6))]
    async with held(counter, dossier):
        await asyncio.gather(*(heard(counter.http, body) for body in bodies))
    for place, body in enumerate(bodies):
        await ring_comes_to(counter.pool, body, "nothing" if place == 1 else "done")
    await is_paid_once(counter, dossier)


async def test_rings_are_forgotten_once_they_were_done_for_five_weeks_and_never_while_they_wait(
    counter: Counter,
) -> None:
    old, late, open_ = f"evt_{new_id()}", f"evt_{new_id()}", f"evt_{new_id()}"
    week = timedelta(weeks=1)
    for event_id, age, outcome in ((old, 5 * week, "nothing"), (late, 4 * week, "nothing"), (open_, 9 * week, None)):
        await counter.pool.execute(
            """insert into ring (gateway, event_id, kind, body, heard_at, done_at, outcome, due_at)
            values ('stripe', $1, 'old', '', now() - $2::interval,
                case when $3::text is not null then now() - $2::interval - interval '1 s' end, $3, now() + interval '1 h')""",
            event_id,
            age,
            outcome,
        )
    await store.rings.prune(counter.pool)
    found = await counter.pool.fetch("delete from ring where event_id = any($1) returning event_id", [old, late, open_])
    assert {row["event_id"] for row in found} == {late, open_}
