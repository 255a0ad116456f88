"""Kafka as a child of the stack: what it keeps over a kill, what it says when it cannot start, what it fetches."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
import stat
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.child import StackError
from deploy.local.jars import Jar, fetch, locked
from deploy.local.kafka import apply_topics_and_users, kafka_child, refusal
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.secrets import Secrets
from tests.stack import Kafka, kafka_running

TOPIC = "dossiers.v1"
SMALLEST = min(locked(), key=lambda jar: jar.size)


def ignore(text: str, done: int | None = None, total: int | None = None) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "dữ liệu một cửa", free_offset())


async def write(kafka: Kafka, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True, **kafka.connection("intake").options
    )
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(TOPIC, value, partition=0) for value in values])
    finally:
        await producer.stop()


async def read(kafka: Kafka, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=kafka.bootstrap,
        group_id="status.test",
        auto_offset_reset="earliest",
        **kafka.connection("status").options,
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_a_killed_broker_is_started_again_with_its_data_its_users_and_their_rights(layout: Layout) -> None:
    values = [str(number).encode() for number in range(500)]
    async with kafka_running(layout) as kafka:
        await apply_topics_and_users(layout, kafka.secrets)
        await write(kafka, values)

        killed = kafka.pid
        os.kill(killed, signal.SIGKILL)
        await kafka.until_ready(other_than=killed)

        assert await read(kafka, len(values)) == values
        assert (await apply_topics_and_users(layout, kafka.secrets)).changes == ()

    moved = dataclasses.replace(layout, offset=free_offset())
    async with kafka_running(moved) as kafka:
        assert (await apply_topics_and_users(moved, kafka.secrets)).changes == ()


async def test_no_password_can_be_seen_by_other_users_of_the_machine(kafka: Kafka) -> None:
    folder = kafka.layout.data / "kafka"
    passwords = [kafka.password(user) for user in ("broker", "admin")]
    process = psutil.Process(kafka.pid)
    seen = " ".join(process.cmdline())
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            seen += path.read_text(errors="replace")
    seen += (kafka.layout.data / "logs" / "kafka.log").read_text()
    assert not [password for password in passwords if password in seen]


async def test_only_loopback_is_listened_on(kafka: Kafka) -> None:
    connections = psutil.Process(kafka.pid).net_connections("inet")
    addresses = {c.laddr.ip.removeprefix("::ffff:") for c in connections if c.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}


async def test_data_made_with_other_passwords_are_told_apart_from_a_broker_that_is_away(kafka: Kafka) -> None:
    right = kafka.connection()
    assert await refusal(right) is None
    wrong = await refusal(dataclasses.replace(right, password="of another data folder"))
    away = await refusal(dataclasses.replace(right, bootstrap=f"127.0.0.1:{kafka.layout.port('portal')}"))
    assert wrong is not None
    assert "make reset" in wrong
    assert away is not None
    assert "no answer" in away


async def test_a_half_made_data_folder_is_one_clear_line_and_a_half_made_draft_is_made_anew(layout: Layout) -> None:
    child = kafka_child(layout, Secrets.open(layout.data), learn=False)
    draft = layout.data / "kafka" / "log.new"
    draft.mkdir(parents=True)
    (draft / "meta.properties").write_text("half of it")
    await child.prepare(ignore)
    assert not draft.exists()

    (layout.data / "kafka" / "log" / "meta.properties").unlink()
    with pytest.raises(StackError, match="make reset") as caught:
        await child.prepare(ignore)
    assert "\n" not in str(caught.value)


async def test_data_whose_metadata_log_is_lost_are_refused_and_a_node_that_never_ran_needs_none(
    layout: Layout,
) -> None:
    """A node without it would come up, and have forgotten every topic whose records still lie there."""
    child = kafka_child(layout, Secrets.open(layout.data), learn=False)
    await child.prepare(ignore)
    log = layout.data / "kafka" / "log"
    assert not (log / "__cluster_metadata-0").exists()
    await child.prepare(ignore)
    async with kafka_running(layout) as kafka:
        await apply_topics_and_users(layout, kafka.secrets)

    await child.prepare(ignore)
    shutil.move(log / "__cluster_metadata-0", layout.data / "lost")
    with pytest.raises(StackError, match="make reset") as caught:
        await child.prepare(ignore)
    assert "\n" not in str(caught.value)
    assert str(log) in str(caught.value)


async def test_learning_to_start_leaves_a_cache_that_the_next_start_uses(layout: Layout) -> None:
    child = kafka_child(layout, Secrets.open(layout.data))
    await child.prepare(ignore)
    folder = layout.data / "kafka"
    (cache,) = folder.glob("start*")
    assert cache.stat().st_size > 0
    assert f"-XX:AOTCache={cache.name}" in (folder / "java.args").read_text()
    made = cache.stat().st_mtime_ns
    await child.prepare(ignore)
    assert cache.stat().st_mtime_ns == made


async def test_a_corrupt_jar_is_fetched_again_and_a_second_fetch_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fetch([SMALLEST], tmp_path, ignore)
    path = tmp_path / SMALLEST.file_name
    path.write_bytes(b"corrupt")
    (tmp_path / "of-an-older-lock.jar").write_bytes(b"")

    await fetch([SMALLEST], tmp_path, ignore)

    assert path.stat().st_size == SMALLEST.size
    assert [found.name for found in tmp_path.glob("*.jar")] == [SMALLEST.file_name]
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    await fetch([SMALLEST], tmp_path, ignore)


async def test_a_corrupt_package_cache_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = tmp_path.joinpath("m2", *SMALLEST.group.split("."), SMALLEST.artifact, SMALLEST.version)
    cached.mkdir(parents=True)
    (cached / SMALLEST.file_name).write_bytes(b"half a jar")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    await fetch([SMALLEST], tmp_path / "jars", ignore)
    assert (tmp_path / "jars" / SMALLEST.file_name).stat().st_size == SMALLEST.size


@pytest.mark.parametrize("offline", [False, True], ids=["another file than the lock's", "no network"])
async def test_a_jar_that_cannot_be_had_is_one_line_that_names_it_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: bool
) -> None:
    wanted: Jar = dataclasses.replace(SMALLEST, sha256="0" * 64)
    if offline:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    with pytest.raises(StackError) as caught:
        await fetch([wanted], tmp_path / "jars", ignore)
    text = str(caught.value)
    assert SMALLEST.file_name in text
    assert "mạng" in text
    assert str(tmp_path / "jars" / SMALLEST.file_name) in text
    assert "\n" not in text
    assert not list((tmp_path / "jars").glob("*.jar"))


async def test_progress_counts_jars_and_bytes_up_to_all_of_them(tmp_path: Path) -> None:
    told: list[tuple[int | None, int | None]] = []
    jars = sorted(locked(), key=lambda jar: jar.size)[:5]
    await fetch(jars, tmp_path, lambda text, done=None, total=None: told.append((done, total)))
    total = sum(jar.size for jar in jars)
    assert told[-1] == (total, total)
    assert told == sorted(told, key=lambda pair: pair[0] or 0)
