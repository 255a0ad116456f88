"""Migrations on a real database: once each, forward only, never edited, one migrator at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from chassis import migrations
from chassis.migrations import MigrationError
from deploy.local.databases import provision, url
from tests.database import Server

CHASSIS = [each.name for each in migrations.migrations_of("services.status") if each.module == "chassis"]


@dataclass(frozen=True)
class Service:
    """A service package of the test's own, called `migrating`, with its database."""

    folder: Path
    url: str
    owner_url: str
    package: str = "migrated.migrating"

    def write(self, name: str, sql: str) -> None:
        (self.folder / name).write_text(sql, "utf-8")

    async def apply(self) -> list[str]:
        return await migrations.apply(self.owner_url, self.package)

    async def missing(self) -> list[str]:
        connection = await asyncpg.connect(self.url)
        try:
            return await migrations.missing(connection, self.package)
        finally:
            await connection.close()

    async def fetchval(self, sql: str, as_owner: bool = False) -> object:
        connection = await asyncpg.connect(self.owner_url if as_owner else self.url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the migrations of an importable package lie."""
    found = tmp_path / "migrated" / "migrating" / "migrations"
    found.mkdir(parents=True)
    for package in (found.parent, found.parent.parent):
        (package / "__init__.py").touch()
    sys.path.insert(0, str(tmp_path))
    try:
        yield found
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == "migrated"]:
            del sys.modules[name]


@pytest.fixture
async def service(postgres_server: Server, folder: Path) -> AsyncIterator[Service]:
    layout, secrets, name = postgres_server.layout, postgres_server.secrets, "migrating"
    await provision(layout, secrets, name)
    yield Service(folder, url(layout, secrets, name, name), url(layout, secrets, f"{name}_owner", name))
    administrator = await asyncpg.connect(url(layout, secrets, "postgres", "postgres"))
    try:
        await administrator.execute(f'drop database "{name}" with (force)')
    finally:
        await administrator.close()


async def test_the_chassis_comes_first_then_the_services_own_in_order_and_each_once(service: Service) -> None:
    service.write("0002_second.sql", "insert into note values ('tiếng Việt')")
    service.write("0001_first.sql", "create table note (text text)")
    service.write("notes.txt", "no migration")
    assert await service.missing() == [*CHASSIS, "0001_first.sql", "0002_second.sql"]
    expected = [*[f"chassis/{name}" for name in CHASSIS], *[f"{service.package}/000{n}" for n in (1, 2)]]
    assert [name.split("_")[0] if "migrating" in name else name for name in await service.apply()] == expected
    assert await service.missing() == []
    assert await service.apply() == []
    service.write("0003_third.sql", "insert into note values ('third')")
    assert await service.missing() == ["0003_third.sql"]
    assert await service.apply() == [f"{service.package}/0003_third.sql"]
    assert await service.fetchval("select string_agg(text, ',') from note") == "tiếng Việt,third"


async def test_an_edited_file_is_refused_by_migrator_and_service(service: Service) -> None:
    service.write("0001_first.sql", "create table note (text text)")
    await service.apply()
    service.write("0001_first.sql", "create table note (text text) ")
    with pytest.raises(MigrationError, match=r"0001_first.sql was edited after it was applied: restore it"):
        await service.apply()
    with pytest.raises(MigrationError, match="edited"):
        await service.missing()


async def test_a_vanished_file_is_refused_as_code_older_than_its_database(service: Service) -> None:
    service.write("0001_first.sql", "create table note (text text)")
    await service.apply()
    (service.folder / "0001_first.sql").unlink()
    with pytest.raises(MigrationError, match=r"0001_first.sql was applied but its file is gone: this code is older"):
        await service.apply()
    with pytest.raises(MigrationError, match="older"):
        await service.missing()


async def test_a_file_that_sorts_before_an_applied_one_is_refused(service: Service) -> None:
    """Forward only: elsewhere it would run in another order, on another schema."""
    service.write("0002_second.sql", "create table note (text text)")
    await service.apply()
    service.write("0001_late.sql", "create table late (text text)")
    with pytest.raises(MigrationError, match=r"0001_late.sql sorts before 0002_second.sql, which was applied"):
        await service.apply()
    assert await service.fetchval("select to_regclass('late')") is None


async def test_a_failing_migration_leaves_nothing_of_itself_and_all_before_it(service: Service) -> None:
    service.write("0001_first.sql", "create table note (text text)")
    service.write("0002_fails.sql", "create table half (text text); select 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await service.apply()
    assert await service.fetchval("select to_regclass('half')") is None
    assert await service.missing() == ["0002_fails.sql"]
    service.write("0002_fails.sql", "create table half (text text)")
    assert await service.apply() == [f"{service.package}/0002_fails.sql"]


async def test_a_migration_and_its_entry_in_the_book_are_one_transaction(service: Service) -> None:
    entry = f"insert into migration values ('{service.package}', '0001_first.sql', 'of another')"
    service.write("0001_first.sql", f"create table note (text text); {entry}")
    with pytest.raises(asyncpg.UniqueViolationError):
        await service.apply()
    assert await service.fetchval("select to_regclass('note')") is None


async def test_checksums_are_those_of_the_files_that_were_applied(service: Service) -> None:
    service.write("0001_first.sql", "create table note (text text)")
    await service.apply()
    known = {each.name: each.checksum for each in migrations.migrations_of(service.package)}
    connection = await asyncpg.connect(service.url)
    try:
        rows = await connection.fetch("select name, checksum from migration")
    finally:
        await connection.close()
    assert {row["name"]: row["checksum"] for row in rows} == known


async def test_of_migrators_at_once_one_does_all_and_the_others_find_it_done(service: Service) -> None:
    service.write("0001_first.sql", "create table note (text text)")
    service.write("0002_second.sql", "select pg_sleep(0.1); insert into note values ('once')")
    done = await asyncio.gather(*[service.apply() for _ in range(4)])
    assert sorted(map(len, done)) == [0, 0, 0, len(CHASSIS) + 2]
    assert await service.fetchval("select count(*) from note") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (x int)",
        "create temporary table mine (x int)",
        "create schema mine",
        "drop table note",
        "alter table note add x int",
        "truncate note",
        "create index on note (text)",
        "insert into migration values ('x', 'y', 'z')",
        "delete from migration",
        "create role other",
        "set role migrating_owner",
    ],
)
async def test_the_services_login_changes_rows_and_nothing_else(service: Service, statement: str) -> None:
    service.write("0001_first.sql", "create table note (id bigint generated always as identity, text text)")
    await service.apply()
    for allowed in ("insert into note (text) values ('x')", "update note set text = 'y'", "delete from note"):
        await service.fetchval(allowed)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.fetchval(statement)


async def test_a_role_that_is_not_there_is_told(service: Service) -> None:
    with pytest.raises(MigrationError, match="the role nobody does not exist"):
        await migrations.apply(service.owner_url, "migrated.nobody")
