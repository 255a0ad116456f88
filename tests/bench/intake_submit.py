"""Filing dossiers: HTTP, token, form, fees, code, state, journal and outbox in one transaction, and on to Kafka."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from uuid_utils import uuid7

from contracts import agency_answers, contacts, dossiers, procedures
from deploy.local.offsets import free_offset
from services.intake.domain import catalogue
from tests.bench.gate import Invalid
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.processes import Process, processor_seconds, started
from tests.issuer import Issuer, issuing

TOPICS = (dossiers.TOPIC, contacts.TOPIC, procedures.TOPIC, agency_answers.TOPIC)
CITIZENS = 2_000
ASKED_PER_S = 400.0
_ROOT = Path(__file__).resolve().parents[2]
_READY_TRIES = 600
_PUBLISHED_SECONDS = 60.0


async def measure(ground: Ground, seconds: float, say: Say) -> dict[str, Any]:
    """Dossiers filed a second, by citizens who wait for each answer; latencies in ms at 400 a second, by due times.

    One process answers, another is the relay; nothing follows up (no register, no timers), and nobody pays.

    Raises Invalid when a form was refused, or a dossier or one of its events is missing.
    """
    async with AsyncExitStack() as kept:
        issuer = kept.enter_context(issuing())
        store = await kept.enter_async_context(ground.fresh("intake"))
        await ground.empty_topics(TOPICS)
        port = 20_000 + free_offset() % 10_000
        citizens = ground.folder / "citizens.jsonl"
        citizens.write_text("".join(_citizens(issuer)), "utf-8")
        services = [
            await kept.enter_async_context(service(ground, store, issuer, roles, port + place))
            for place, roles in enumerate(("api", "relay"))
        ]
        await ready(services[0], port)
        where = {"host": "127.0.0.1", "port": port, "citizens": str(citizens)}
        client = await kept.enter_async_context(started(ground, "filers", "filers", where))
        await client.said()
        await _filed(client, 3.0, None)  # until connections, caches and statements are warm
        say(f"intake_submit: {seconds:.0f} s so nhanh như được trả lời · as fast as they are answered")
        before = processor_seconds(ground, services)
        fastest = await _filed(client, seconds, None)
        after = processor_seconds(ground, services)
        await told(store, ground)
        say(f"intake_submit: {seconds:.0f} s, {ASKED_PER_S:.0f}/s")
        steady = await _filed(client, seconds, ASKED_PER_S)
        await told(store, ground)
        count = fastest["count"]
        return {
            "per_s": round(count / fastest["seconds"]),
            "p50_ms": steady["p50_ms"],
            "p99_ms": steady["p99_ms"],
            "latency_at_per_s": round(steady["count"] / steady["seconds"]),
            "processor_us": {name: round((after[name] - before[name]) * 1e6 / count) for name in after},
        }


async def _filed(client: Process, seconds: float, per_s: float | None) -> dict[str, Any]:
    await client.tell(json.dumps({"seconds": seconds, "per_s": per_s}))
    done: dict[str, Any] = json.loads(await client.said(seconds * 3 + 60))
    if set(done["statuses"]) != {"201"}:
        raise Invalid(f"có tờ khai bị từ chối · forms were refused: {done['statuses']} {done['refused']}")
    return done


async def told(store: Store, ground: Ground) -> None:
    """Every dossier there is has its events in Kafka. Raises Invalid."""
    async with asyncio.timeout(_PUBLISHED_SECONDS):
        while await store.connection.fetchval("select exists (select from outbox where published_at is null)"):
            await asyncio.sleep(0.1)
    # Each dossier's events are numbered.
    filed = await store.connection.fetchval("select count(*) from dossier")
    events = await store.connection.fetchval("select sum(sequence) from dossier")
    async with ground.written(dossiers.TOPIC) as written:
        if (found := await written()) != events:
            raise Invalid(f"{filed} hồ sơ có {events} sự kiện, Kafka có {found} · events are missing in Kafka")
    gaps = await store.connection.fetch(
        "select agency from code_counter c group by agency having sum(last) <> (select count(*) from dossier d where d.agency = c.agency)"
    )
    if gaps:
        raise Invalid(f"mã hồ sơ không liền nhau · codes have gaps: {[dict(row) for row in gaps]}")


def _citizens(issuer: Issuer) -> Sequence[str]:
    """A line for each citizen: a token, and the licence form as theirs: one agency, so one counter of codes, no uploads."""
    loaded = catalogue.load()
    example = loaded.example(loaded.procedure("1.002809"))
    lines = []
    for number in range(CITIZENS):
        form = json.loads(json.dumps(example))
        form["applicant"] |= {"citizen_id": f"019190{number:06d}"}
        token = issuer.token("citizen", sub=f"citizen-{number}", person_id=str(UUID(bytes=uuid7().bytes)))
        lines.append(json.dumps({"token": token, "form": form}, ensure_ascii=False) + "\n")
    return lines


@asynccontextmanager
async def service(ground: Ground, store: Store, issuer: Issuer, roles: str, port: int) -> AsyncIterator[Process]:
    """intake in these roles, as it is run anywhere."""
    environment = {
        "MOTCUA_DATABASE_URL": store.database.url,
        "MOTCUA_KAFKA_BOOTSTRAP": ground.login["bootstrap"],
        "MOTCUA_KAFKA_USER": ground.login["user"],
        "MOTCUA_KAFKA_PASSWORD": ground.login["password"],
        "MOTCUA_HTTP_PORT": str(port),
        "MOTCUA_OIDC_ISSUER": issuer.url,
        "MOTCUA_INSTANCE": f"intake-bench-{roles}-{ground.run()}",
        "MOTCUA_CONTACTS_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
        "MOTCUA_PUBLIC_URL": "http://127.0.0.1",
        "MOTCUA_DOCUMENTS_URL": (ground.folder / "documents").as_uri(),
        "MOTCUA_LOG_LEVEL": "warning",
    }
    log = ground.folder / f"intake-{roles}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.intake", "--roles", roles),
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield Process(f"intake {roles}", process, log)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ready(running: Process, port: int) -> None:
    """Wait until it serves. Raises Invalid, with what it said last, when it does not come to that."""
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(_READY_TRIES):
            with suppress(httpx.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise running.gone()
