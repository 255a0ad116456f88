"""Codes under load: whatever is filed at once, cancelled or killed, no number twice and no gap that means a lost dossier."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from contracts import dossiers
from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import Desk, open_desk, process_desk, signing
from tests.integration.sandbox_process import Server
from tests.records import NOON

# Half a minute; fewer with MOTCUA_CODES=2000 where that is too long.
MANY = int(os.environ.get("MOTCUA_CODES", "10000"))
AT_ONCE = 200


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    """Always at noon: numbers begin anew at midnight."""
    database = await postgres_server.fresh("intake")
    async with open_desk(database, provider, lambda: NOON, outbox_limit=1_000_000) as desk:
        yield desk


async def _no_dossier_is_lost_or_doubled(desk: Desk, accepted: list[str]) -> None:
    """Codes are gapless up to the day's counter, each of a dossier that is there and told; all accepted among them.

    At one moment for all tables: a request whose caller has gone may still be carried out.
    """
    async with desk.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = [row["code"] for row in await connection.fetch("select code from dossier")]
        days = await connection.fetch("select day, last from code_counter where agency = 'G09.20'")
        rows = await connection.fetch("select aggregateid from outbox where aggregatetype = $1", dossiers.TOPIC)
        filed = await connection.fetch("select code from dossier_journal where kind = 'submitted'")
    assert Counter(found) == Counter(
        f"G09.20-{row['day']:%y%m%d}-{number:04}" for row in days for number in range(1, row["last"] + 1)
    )
    assert max(Counter(accepted).values(), default=0) <= 1
    assert set(accepted) <= set(found)
    told = Counter(row["aggregateid"] for row in rows)
    assert told == dict.fromkeys(found, 2), "Submitted and FeesRequested of each"
    assert sorted(row["code"] for row in filed) == sorted(found)


async def test_fifty_at_once_to_one_agency_get_fifty_codes_in_a_row(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.submits() for _ in range(50)))
    codes = [answer.json()["code"] for answer in answers]
    assert sorted(int(code.rsplit("-", 1)[1]) for code in codes) == list(range(1, 51))
    await _no_dossier_is_lost_or_doubled(desk, codes)


@pytest.mark.timeout(900)
async def test_thousands_at_once_are_all_there_once_and_without_a_gap(desk: Desk) -> None:
    accepted = list[str]()
    left = iter(range(MANY))

    async def citizen() -> None:
        for turn in left:
            answer = await desk.submits(who=("anh", "duc", "khoi", "huong")[turn % 4])
            assert answer.status_code == 201, answer.text
            accepted.append(answer.json()["code"])

    await asyncio.gather(*(citizen() for _ in range(AT_ONCE)))
    assert len(accepted) == MANY
    await _no_dossier_is_lost_or_doubled(desk, accepted)


async def test_requests_that_are_broken_off_in_the_middle_leave_no_gap(desk: Desk) -> None:
    """Some citizens close their window at any moment: each form is filed whole or not at all."""
    chance = random.Random(5)
    tasks = list[asyncio.Task[httpx.Response]]()
    for _ in range(4):
        wave = [asyncio.create_task(desk.submits()) for _ in range(50)]
        tasks += wave
        for task in chance.sample(wave, 20):
            await asyncio.sleep(chance.random() / 200)  # at any moment of the work that is going on
            task.cancel()
        await asyncio.wait(wave)
    answers = [task.result() for task in tasks if not task.cancelled()]
    accepted = [answer.json()["code"] for answer in answers if answer.status_code == 201]
    assert len(accepted) >= 4 * 30
    await _no_dossier_is_lost_or_doubled(desk, accepted)
    after = await desk.submits()
    assert after.status_code == 201
    await _no_dossier_is_lost_or_doubled(desk, [*accepted, after.json()["code"]])


async def test_a_killed_process_leaves_no_gap_and_the_same_keys_get_the_same_codes(
    postgres_server: Postgres, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a citizen got no answer for is sent again with its key: filed once, whether or not it had been."""
    database, keys = await postgres_server.fresh("intake"), [str(uuid4()) for _ in range(120)]
    accepted = dict[str, str]()
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with process_desk(database, provider, tmp_path / "first") as (desk, process):
            await desk.becomes(200)
            desk.bearer("anh")

            at_once = asyncio.Semaphore(50)  # with the 20 fewer than all, however many are answered in one moment

            async def sends(key: str) -> None:
                async with at_once:
                    try:
                        answer = await desk.submits(key=key)
                    except httpx.TransportError:
                        return
                if answer.status_code == 201:
                    accepted[key] = answer.json()["code"]
                    if len(accepted) == 20:
                        process.kill()

            await asyncio.gather(*(sends(key) for key in keys))
            assert len(accepted) < len(keys), "it was killed in the middle"
        async with open_desk(database, provider) as desk:
            again = {key: await desk.submits(key=key) for key in keys}
            assert {answer.status_code for answer in again.values()} == {201}
            codes = {key: str(answer.json()["code"]) for key, answer in again.items()}
            assert accepted.items() <= codes.items()
            assert await desk.count("dossier") == len(keys)
            await _no_dossier_is_lost_or_doubled(desk, list(codes.values()))


async def test_past_9999_the_real_counter_goes_on_wider_also_for_many_at_once(desk: Desk) -> None:
    first = await desk.filed()
    await desk.pool.execute("update code_counter set last = 9980")
    answers = await asyncio.gather(*(desk.submits() for _ in range(40)))
    numbers = sorted((answer.json()["code"].rsplit("-", 1)[1] for answer in answers), key=int)
    assert numbers == [f"{number:04d}" for number in range(9_981, 10_021)]
    assert len({answer.json()["code"].rsplit("-", 1)[0] for answer in answers} | {first.rsplit("-", 1)[0]}) == 1


async def test_a_submission_that_is_refused_draws_no_number(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.submits(filled() if turn % 2 else filled(phone="113")) for turn in range(40)),
        *(desk.submits(filled() | {"documents": {"health": [str(uuid4())]}}) for _ in range(10)),
    )
    assert Counter(answer.status_code for answer in answers) == {201: 20, 422: 30}
    codes = [answer.json()["code"] for answer in answers if answer.status_code == 201]
    await _no_dossier_is_lost_or_doubled(desk, codes)
