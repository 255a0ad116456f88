"""notifications as a process on real Kafka: killed in the middle of its work, every citizen still gets each SMS once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.envelope import headers_of
from chassis.identifiers import new_id
from chassis.sealing import Sealer
from contracts import contacts, dossiers, notifications
from contracts.event import Data
from tests.database import Server as Postgres
from tests.integration.notifications_office import KEY, SECRET, eventually
from tests.integration.sandbox_process import ROOT, Server, free_port, running
from tests.records import NOON, example
from tests.stack import Kafka

DOSSIERS = 60


@pytest.fixture
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    told = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": SECRET, "SMS_DELIVERY_SECONDS": "0.01"}
    told |= {"SMS_RECEIPT_URL": f"http://127.0.0.1:{free_port()}/receipts/sms"}
    with running(Server("sms", tmp_path_factory.mktemp("sms"), told)) as server:
        yield server


@pytest.fixture
async def environment(postgres_server: Postgres, kafka: Kafka, carrier: Server) -> dict[str, str]:
    database = await postgres_server.fresh("notifications")
    told = {
        "DATABASE_URL": database.url,
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USER": "notifications",
        "KAFKA_PASSWORD": kafka.password("notifications"),
        "HTTP_PORT": str(free_port()),
        "OIDC_ISSUER": "http://127.0.0.1:1",
        "INSTANCE": "notifications-0",
        "CONTACTS_KEY": KEY,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "SMS_URL": carrier.url,
        "SMS_TOKEN": "token",
        "SMS_RECEIPT_SECRET": SECRET,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(free_port()),
        "QUIET_BEGINS": "00:00",
        "QUIET_ENDS": "00:00",
    }
    return {f"MOTCUA_{name}": value for name, value in told.items()}


@asynccontextmanager
async def service(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.notifications`, ready; ended at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.notifications", cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                assert process.returncode is None
                try:
                    return (await client.get(f"http://127.0.0.1:{environment['MOTCUA_HTTP_PORT']}/readyz")).is_success
                except httpx.TransportError:
                    return False

            await eventually(ready, 60)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def as_sent(data: Data, subject: str, sealed: bool = False) -> dict[str, Any]:
    """A record of intake's."""
    headers = headers_of(new_id(), data.TYPE, "/motcua/intake", subject, 1, NOON, None, sealed)
    value = data.model_dump_json().encode()
    return {
        "topic": data.TOPIC,
        "key": subject.encode(),
        "value": Sealer(KEY).seal(value) if sealed else value,
        "headers": [(name, text.encode()) for name, text in headers.items()],
    }


async def filed(kafka: Kafka, people: dict[str, UUID]) -> None:
    """Every dossier is submitted, and its citizen known afterwards: topics keep no order between them."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **kafka.connection("intake").options) as producer:
        for code, person in people.items():
            await producer.send(**as_sent(example(dossiers.Submitted, person_id=person), code))
        for number, person in enumerate(people.values()):
            contact = contacts.Updated(name="Nguyễn Thị Ánh", phone=f"+8459{number:06}1")
            await producer.send(**as_sent(contact, str(person), sealed=True))
        await producer.flush()


async def sent(kafka: Kafka, codes: Collection[str]) -> list[str]:
    """The dossiers, of these, of the `notifications.Sent` events on the topic, once there are as many as dossiers.

    Other tests write to the topic too, poison as well. A killed relay may have published an event twice: one event is what has one id.
    """
    found: dict[bytes, str] = {}
    consumer = AIOKafkaConsumer(
        notifications.TOPIC,
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        **kafka.connection("admin").options,
    )
    async with consumer, asyncio.timeout(120):
        while len(found) < len(codes):
            record = await consumer.getone()
            headers = dict(record.headers)
            code = (record.key or b"").decode(errors="replace")
            if headers.get("ce_type") == notifications.Sent.TYPE.encode() and code in codes:
                found[headers["ce_id"]] = code
    return list(found.values())


async def its_leases_end(database_url: str) -> None:
    """What a dead process had in hand is due again when its lease ends; nobody waits for that here."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("update call set leased_until = now() where leased_until > now()")
        await connection.execute("update timer set leased_until = now() where leased_until > now()")
    finally:
        await connection.close()


async def test_a_process_killed_again_and_again_sends_each_sms_once(
    kafka: Kafka, carrier: Server, environment: dict[str, str]
) -> None:
    people = {f"K-{number:03}": new_id() for number in range(DOSSIERS)}

    def received() -> list[dict[str, Any]]:
        return list(httpx.get(f"{carrier.url}/_control/messages").json()["messages"])

    async with service(environment):
        pass
    await filed(kafka, people)
    for share in (1, DOSSIERS // 2):
        async with service(environment) as process:

            async def some_are_sent(share: int = share) -> bool:
                return len(received()) >= share

            await eventually(some_are_sent, 120)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await its_leases_end(environment["MOTCUA_DATABASE_URL"])
    async with service(environment):
        told = await sent(kafka, people)
    messages = received()
    assert len(messages) == DOSSIERS
    assert len({message["to"] for message in messages}) == DOSSIERS
    assert sorted(told) == sorted(people)
