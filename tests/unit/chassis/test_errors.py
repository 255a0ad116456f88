"""Which errors pass by themselves: the list of design rule 10, and nothing that is as bad the second time."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from chassis.errors import Conflict, NotFound, Park, Refusal, Retry, Unanswered, is_passing, was_rolled_back
from tests.counters import Desk


def of_state(state: str, table: str | None = None) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError.new({"C": state, "M": "text", **({"t": table} if table else {})})
    assert isinstance(error, asyncpg.PostgresError)
    return error


@pytest.mark.parametrize(
    "error",
    [
        *[of_state(state) for state in ("08000", "08003", "08006", "08001", "08004")],  # lost connections
        of_state("40001"),  # serialization failure
        of_state("40P01"),  # deadlock
        of_state("55P03"),  # lock time-out
        *[of_state(state) for state in ("57P01", "57P02", "57P03", "57P05")],  # shutdown, crash, starting, idle
        *[of_state(state) for state in ("25P03", "25P04")],  # idle in transaction, transaction time-out
        of_state("57014"),  # statement time-out
        *[of_state(state) for state in ("25006", "55000")],  # a server that takes no writes, or no connections
        asyncpg.InvalidCachedStatementError("a migration changed the table"),
        of_state("53300"),  # too many connections
        of_state("23503", "parked"),  # somebody freed the key meanwhile
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        ConnectionResetError(),
        ConnectionRefusedError(),
        TimeoutError(),
        Retry("later"),
        Conflict("raced"),
        Unanswered("no answer"),
    ],
    ids=lambda error: getattr(error, "sqlstate", None) or type(error).__name__,
)
def test_what_happens_when_all_is_well_is_done_again(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        of_state("23503", "payment"),
        *[of_state(state) for state in ("23505", "23514", "22003", "22021", "42P01", "42501", "P0001")],
        asyncpg.DataError("value out of range"),
        Park("poison"),
        Refusal("no", "Không.", "No."),
        NotFound("Không.", "No."),
        ValueError(),
        KeyError("x"),
        RecursionError(),
    ],
    ids=lambda error: getattr(error, "sqlstate", None) or type(error).__name__,
)
def test_what_is_as_bad_the_second_time_is_not(error: Exception) -> None:
    assert not is_passing(error)


async def _error(desk: Desk, *statements: str) -> Exception:
    """What PostgreSQL itself answers to the last of the statements."""
    connection = await asyncpg.connect(desk.database.url)
    try:
        for statement in statements:
            await connection.execute(statement)
    except Exception as error:
        return error
    finally:
        await connection.close()
    raise AssertionError("no error")


async def test_as_postgresql_tells_them(desk: Desk) -> None:
    gone = "insert into parked values ('c', 't', 0, 1, 'k', 'k', 'held', null, null, '[]', null, null)"
    assert is_passing(await _error(desk, gone)), "the key's row was deleted under us"
    assert is_passing(await _error(desk, "set statement_timeout = '10ms'", "select pg_sleep(5)"))
    assert is_passing(await _error(desk, "set transaction_timeout = '10ms'", "begin", "select pg_sleep(5)"))
    async with desk.pool.acquire() as other, other.transaction():
        await other.execute("lock table counter")
        assert is_passing(await _error(desk, "set lock_timeout = '10ms'", "select * from counter"))
    assert not is_passing(await _error(desk, "insert into counter values ('a', 1000000, 1, 1)"))
    assert not is_passing(await _error(desk, "select 1 / 0"))


async def test_a_frozen_transaction_and_a_killed_session_are_passing(desk: Desk) -> None:
    connection = await asyncpg.connect(desk.database.url)
    await connection.execute("set idle_in_transaction_session_timeout = '20ms'; begin")
    async with asyncio.timeout(60):
        while not connection.is_closed():
            await asyncio.sleep(0.01)
    with pytest.raises(asyncpg.InterfaceError) as closed:
        await connection.execute("select 1")
    assert is_passing(closed.value)
    assert is_passing(await _error(desk, "select pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (Conflict("raced"), True),
        (of_state("40001"), True),
        (of_state("40P01"), True),
        (of_state("55P03"), True),
        (asyncpg.InvalidCachedStatementError("a migration changed the table"), True),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"), False),
        (of_state("08006"), False),
        (of_state("57P01"), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: getattr(value, "sqlstate", None) or type(value).__name__,
)
def test_a_command_without_a_key_is_repeated_only_where_nothing_was_committed(error: Exception, certain: bool) -> None:
    """After a lost connection the first one may have had its effect."""
    assert was_rolled_back(error) is certain
