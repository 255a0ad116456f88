"""The embedded PostgreSQL: made whole or not at all, closed to all but its roles, damage said in one line."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local.child import StackError
from deploy.local.databases import provision, url
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.postgres import connect, postgres_child
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "dữ liệu", free_offset())


@asynccontextmanager
async def postgres(layout: Layout) -> AsyncIterator[Secrets]:
    secrets = Secrets.open(layout.data)
    supervisor = Supervisor([postgres_child(layout, secrets)], layout.data)
    task = asyncio.create_task(supervisor.run())
    try:
        async with asyncio.timeout(150):
            while supervisor.shown.state != "ready" and not task.done():
                await asyncio.sleep(0.05)
        if not task.done():
            yield secrets
    finally:
        supervisor.stop.set()
        await task


async def test_each_service_uses_its_own_database_and_nothing_else(layout: Layout) -> None:
    async with postgres(layout) as secrets:
        await asyncio.gather(*(provision(layout, secrets, name) for name in ("intake", "payments", "intake")))
        owner = await asyncpg.connect(url(layout, secrets, "intake_owner", "intake"))
        await owner.execute("""
            create table dossier (id bigint generated always as identity, code text);
            grant usage on schema public to intake;
            grant select, insert on dossier to intake;
        """)
        await owner.close()

        service = await asyncpg.connect(url(layout, secrets, "intake", "intake"))
        await service.execute("insert into dossier (code) values ('Đ')")
        assert await service.fetchval("select code from dossier") == "Đ"
        for forbidden in ("create table t (i int)", "drop table dossier", "truncate dossier", "create role r"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(forbidden)
        await service.close()

        for role in ("intake", "intake_owner"):
            for database in ("payments", "postgres", "template1"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await asyncpg.connect(url(layout, secrets, role, database))


async def test_a_wrong_password_is_refused_and_only_loopback_is_listened_on(layout: Layout) -> None:
    async with postgres(layout) as secrets:
        await provision(layout, secrets, "intake")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url(layout, Secrets(b"another"), "intake", "intake"))
        listeners = {
            connection.laddr.ip
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr
            if connection.laddr.port == layout.port("postgres")
        }
        assert listeners == {"127.0.0.1"}


async def test_what_was_committed_is_there_after_a_kill_and_a_second_start(layout: Layout) -> None:
    async with postgres(layout) as secrets:
        await provision(layout, secrets, "intake")
        connection = await connect(layout, secrets, "intake")
        assert await connection.fetchval("show fsync") == "on"
        await connection.execute("create table kept (i int); insert into kept values (1)")
        postmaster = int((layout.data / "postgres/data/postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(postmaster, signal.SIGKILL)
    async with postgres(layout) as secrets:
        await provision(layout, secrets, "intake")
        connection = await connect(layout, secrets, "intake")
        assert await connection.fetchval("select i from kept") == 1
        await connection.close()


async def test_a_folder_left_half_made_by_a_crash_is_made_anew(layout: Layout) -> None:
    half = layout.data / "postgres" / "draft" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with postgres(layout):
        assert not half.exists()
        mode = stat.S_IMODE((layout.data / "postgres" / "data").stat().st_mode)
        assert mode == 0o700


async def test_a_stale_process_file_that_names_another_process_is_no_hindrance(layout: Layout) -> None:
    async with postgres(layout):
        pass
    file = layout.data / "postgres/data/postmaster.pid"
    file.write_text(f"{os.getpid()}\n{file.parent}\n")
    async with postgres(layout) as secrets:
        await (await connect(layout, secrets, "postgres")).close()


@pytest.mark.parametrize("remnant", [b"", b"\0" * 64, b"\xff\xfe\n", b"-7\n"])
async def test_a_process_file_that_names_no_process_is_no_hindrance(layout: Layout, remnant: bytes) -> None:
    """A power loss may leave the file empty, or full of zeros."""
    async with postgres(layout):
        pass
    (layout.data / "postgres/data/postmaster.pid").write_bytes(remnant)
    async with postgres(layout) as secrets:
        await (await connect(layout, secrets, "postgres")).close()


async def test_damage_that_only_the_server_finds_is_one_line_with_the_ways_out(layout: Layout) -> None:
    async with postgres(layout):
        pass
    for segment in (layout.data / "postgres/data/pg_wal").iterdir():
        if segment.is_file():
            segment.write_bytes(b"damaged")
    with pytest.raises(StackError, match="restore a copy, or `make reset`") as caught:
        async with postgres(layout):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("victim", ["PG_VERSION", "global/pg_control"])
async def test_damaged_data_are_reported_in_one_line_and_left_alone(layout: Layout, victim: str) -> None:
    async with postgres(layout):
        pass
    data = layout.data / "postgres" / "data"
    (data / victim).unlink()
    with pytest.raises(StackError, match="make reset") as caught:
        async with postgres(layout):
            pass
    assert "\n" not in str(caught.value)
    assert str(data) in str(caught.value)
    assert (data / "base").exists()


async def test_data_of_other_secrets_are_named_as_such(layout: Layout) -> None:
    async with postgres(layout):
        pass
    (layout.data / "secrets" / "root").unlink()
    with pytest.raises(StackError, match="make reset"):
        async with postgres(layout):
            pass
