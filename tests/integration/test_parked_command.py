"""`motcua parked` on a database with parked records, as an operator uses it: through the command line, from outside."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from chassis.postgres import Pool, open_pool
from deploy.local.databases import url
from deploy.local.postgres import connect
from tests.consuming import consumer_of
from tests.database import Server
from tests.integration.parked_operator import Operator, Place, rights, serving
from tests.integration.payment_batches import (
    NAME,
    PAYMENTS,
    TOPIC,
    failed,
    forget,
    parked,
    refusing,
    started,
    views,
    with_decider,
)
from tests.records import raw
from tests.waiting import kept_open

BROKEN = with_decider(refusing)


@pytest.fixture(scope="module")
async def made(postgres_server: Server) -> AsyncIterator[Place]:
    database = await postgres_server.fresh("status")
    password = postgres_server.secrets.password("postgres:operator_test")
    administrator = await connect(postgres_server.layout, postgres_server.secrets, "status")
    try:
        await administrator.execute(
            f"drop role if exists operator_test; create role operator_test login password '{password}'"
        )
        await administrator.execute(rights("operator_test", "status"))
    finally:
        await administrator.close()
    pool = await open_pool(database.url, "test", 8)
    yield Place(pool, Operator(url(postgres_server.layout, postgres_server.secrets, "operator_test", "status")))
    pool.terminate()


@pytest.fixture
async def place(made: Place) -> Place:
    """Key A: a refused record with two held behind it; key B: an unreadable one with one behind it."""
    await forget(made.pool)
    broken = consumer_of(BROKEN, made.pool)
    await broken.take([failed("A", 1, 0), started("A", 2, 1), started("A", 3, 2)])
    await broken.take(
        [raw(TOPIC, 3, b"B", b'{"note": "\x1b[2J"}', [("x", b"\xff")], 1), started("B", 2, 4, partition=1)]
    )
    return made


async def _orders(pool: Pool) -> list[Any]:
    return list(await pool.fetch("select * from parked_order order by ordered_at, id"))


async def test_the_list_counts_by_consumer_and_error_and_then_shows_records(place: Place) -> None:
    told = await place.operator.run("list", "--json")
    assert told.code == 0, told.err
    counted = {(row["state"], row["error"]): row["records"] for row in told.json["counts"]}
    unreadable = "header ce_type is missing or unreadable"
    assert counted == {("held", None): 3, ("parked", "refused: illegal_move"): 1, ("parked", unreadable): 1}
    assert [(row["partition"], row["offset"]) for row in told.json["records"]] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 3),
        (1, 4),
    ]
    text = (await place.operator.run("list")).out
    assert text.index("refused: illegal_move") < text.index("0/0")
    for filters, places in {
        ("--key", "A", "--state", "held"): [(0, 1), (0, 2)],
        ("--error", "ILLEGAL"): [(0, 0)],
        ("--topic", "dossiers.v1"): [],
        ("--consumer", NAME, "--limit", "1"): [(0, 0)],
        ("--since", "1h", "1/3"): [(1, 3)],
        ("--until", "1h"): [],
        ("--state", "closed"): [],
    }.items():
        found = await place.operator.run("list", "--json", *filters)
        assert [(row["partition"], row["offset"]) for row in found.json["records"]] == places, filters


async def test_a_record_is_shown_with_everything_around_it_and_steers_no_terminal(place: Place) -> None:
    told = await place.operator.run("show", "1/3")
    assert told.code == 0, told.err
    for part in ("payments.v1 1/3", NAME, "ce_type is missing", "1 (1/4)", "\\x1b[2J"):
        assert part in told.out
    assert "\x1b" not in told.out
    event = (await place.operator.run("show", "0/0", "--json")).json[0]
    assert event["value"].startswith("{\n")
    assert (await place.operator.run("show", event["event_id"], "--json")).json == [event]
    assert (await place.operator.run("show", "7/7")).code == 3
    assert (await place.operator.run("show", "everything")).code == 2


async def test_the_value_of_a_sealed_topic_is_never_shown(place: Place) -> None:
    await place.pool.execute(
        "update parked set topic = 'contacts.v1', open_key = null, state = 'discarded' where \"offset\" = 3"
    )
    for form in ((), ("--json",)):
        told = await place.operator.run("show", "1/3", *form)
        assert told.code == 0
        assert "note" not in told.out
        assert "niêm phong" in told.out


async def test_a_dry_run_says_what_would_be_done_and_writes_nothing(place: Place) -> None:
    before = await place.pool.fetch("select * from parked order by 1, 2, 3, 4")
    for action in (("redrive",), ("discard", "--reason", "hỏng")):
        told = await place.operator.run(*action, "--all", "--dry-run", "--json")
        assert told.code == 0, told.err
        assert [(row["partition"], row["offset"]) for row in told.json["records"]] == [(0, 0), (1, 3)]
    assert await _orders(place.pool) == []
    assert await place.pool.fetch("select * from parked order by 1, 2, 3, 4") == before


async def test_a_redrive_is_carried_out_in_order_and_done_again_finds_nothing(place: Place) -> None:
    async with serving(place.pool, PAYMENTS):
        # Whichever record of a key is named, its oldest open one is begun with.
        told = await place.operator.run_outside(
            "redrive", "0/2", "--yes", "--by", "lan", "--reason", "đã sửa", "--json"
        )
        assert told.code == 0, told.err
        assert [(order["offset"], order["outcome"]) for order in told.json["orders"]] == [(0, "redriven")]
        assert told.json["still_open"] == 0
        assert (await place.operator.run_outside("redrive", "0/2", "--yes")).code == 3
    assert await views(place.pool) == {"A": [1, 2, 3]}
    (order,) = await _orders(place.pool)
    assert (order["ordered_by"], order["login"], order["reason"]) == ("lan", "operator_test", "đã sửa")
    shown = await place.operator.run("show", "0/0")
    assert "lan" in shown.out
    assert "đã sửa" in shown.out


async def test_what_fails_again_is_told_by_name_and_exit_code(place: Place) -> None:
    async with serving(place.pool, BROKEN):
        told = await place.operator.run_outside("redrive", "--all", "--yes", "--rate", "50")
    assert told.code == 4, told.err
    assert "0/0: lại lỗi · failed again refused: illegal_move" in told.out
    assert "still open in these keys: 5" in told.out


async def test_a_discard_lets_what_was_held_behind_go_on(place: Place) -> None:
    async with serving(place.pool, PAYMENTS):
        told = await place.operator.run_outside("discard", "--error", "ce_type", "--yes", "--reason", "không đọc được")
    assert told.code == 0, told.err
    assert (await parked(place.pool))[3:] == [(3, "discarded"), (4, "redriven")]
    assert await views(place.pool) == {"B": [2]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("redrive", "--yes"), "--all"),
        (("redrive", "--all", "--key", "A", "--yes"), "--all"),
        (("redrive", "--all"), "--yes"),
        (("redrive", "--all", "--yes", "--rate", "0"), "--rate"),
        (("redrive", "--all", "--yes", "--rate", "nan"), "--rate"),
        (("redrive", "--all", "--yes", "--rate", "inf"), "--rate"),
        (("redrive", "--all", "--yes", "--rate", "1e-15"), "--rate"),
        (("redrive", "--all", "--yes", "--state", "discarded"), "only open"),
        (("discard", "--all", "--yes", "--reason", " "), "--reason"),
        (("discard", "0/1", "--yes", "--reason", "x"), "head"),
        (("list", "--since", "yesterday"), "30m"),
        (("list", "--since", "999999d"), "30m"),
        (("list", "--until", "0001-01-01"), "30m"),
        (("list", "--state", "lost"), "parked, held"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_before_anything_is_written(
    place: Place, arguments: tuple[str, ...], says: str
) -> None:
    told = await place.operator.run(*arguments)
    assert told.code == 2
    assert says in told.err
    assert await _orders(place.pool) == []


async def test_without_a_service_the_orders_stay_and_the_command_says_so(place: Place) -> None:
    told = await place.operator.run("redrive", "--key", "A", "--yes", "--timeout", "1")
    assert told.code == 5
    assert "motcua status" in told.err
    assert [order["outcome"] for order in await _orders(place.pool)] == [None]
    # Ordered again it is the same order, which is carried out once a service is there.
    again = await place.operator.start("redrive", "--key", "A", "--yes")
    assert again.stderr is not None
    async with asyncio.timeout(60):
        assert b"not done yet" in await again.stderr.readline()
        async with serving(place.pool, PAYMENTS):
            assert await again.wait() == 0
    assert [order["outcome"] for order in await _orders(place.pool)] == ["redriven"]


async def test_a_record_with_an_open_order_takes_no_contrary_one(place: Place) -> None:
    assert (await place.operator.run("redrive", "--all", "--yes", "--no-wait")).code == 0
    told = await place.operator.run("discard", "0/0", "--yes", "--reason", "hỏng", "--no-wait")
    assert told.code == 4
    assert "another order" in told.err
    assert [(order["action"], order["outcome"]) for order in await _orders(place.pool)] == [("redrive", None)] * 2


async def test_ctrl_c_withdraws_what_was_not_carried_out(place: Place) -> None:
    process = await place.operator.start("redrive", "--all", "--yes")
    async with asyncio.timeout(60):
        while not await _orders(place.pool):
            await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert [order["outcome"] for order in await _orders(place.pool)] == ["withdrawn"] * 2


async def test_ctrl_c_while_the_orders_are_written_leaves_none(place: Place) -> None:
    async with kept_open(place.pool) as holder:
        await holder.execute("lock table parked_order in share mode")
        process = await place.operator.start("redrive", "--all", "--yes")
        async with asyncio.timeout(60):
            while not await place.pool.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert [order["outcome"] for order in await _orders(place.pool)] == ["withdrawn"] * 2


async def test_a_database_that_is_away_is_one_line_with_what_to_do() -> None:
    told = await Operator("postgresql://nobody@127.0.0.1:1/status").run("list")
    assert told.code == 1
    assert len(told.err.strip().splitlines()) == 1
    assert "make start" in told.err


@pytest.mark.parametrize("name", ["nothing", "status.store", "", "payments.."])
async def test_a_service_that_there_is_not_is_one_line_with_those_that_there_are(name: str) -> None:
    operator = Operator("postgresql://nobody@127.0.0.1:1/status")
    for arguments in (("list",), ("redrive", "--all", "--yes")):
        told = await operator.run(*arguments, service=name)
        assert told.code == 1
        assert told.err.count("\n") == 1
        assert "intake, notifications, payments, status" in told.err


async def test_an_operator_may_neither_change_nor_remove_what_is_parked_or_was_ordered(place: Place) -> None:
    connection = await asyncpg.connect(place.operator.database_url)
    try:
        for statement in (
            "update parked set state = 'held'",
            "delete from parked",
            "delete from parked_order",
            "update parked_order set ordered_by = 'x'",
            "select * from inbox",
            "select * from view",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
