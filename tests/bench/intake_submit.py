"""Filing dossiers: HTTP, token, form, fees, code, state, journal and outbox in one transaction, and on to Kafka.

Beside the textbook, whose events our relay publishes, too.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils import uuid7

from contracts import agency_answers, contacts, dossiers, procedures
from services.intake.domain import catalogue
from tests.bench.gate import Invalid, agree
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.processes import Process, processor_seconds, service, started
from tests.bench.services import free_port, ready, settings
from tests.bench.turns import Figures, in_turns
from tests.issuer import Issuer, issuing

TOPICS = (dossiers.TOPIC, contacts.TOPIC, procedures.TOPIC, agency_answers.TOPIC)
CITIZENS = 200  # so few that all have filed before the measurement begins, whoever is measured
_CONTACTS_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
WARM_SECONDS = 3.0
_PUBLISHED_SECONDS = 60.0

Told = dict[str, str]


class Side(NamedTuple):
    """Who answers, told a service's settings, and what is asked of it in a second for latencies."""

    answering: Callable[[Ground, Told], AbstractAsyncContextManager[Process]]
    asked_per_s: float


async def measure(ground: Ground, seconds: float, repetitions: int, say: Say) -> dict[str, Any]:
    """Dossiers filed a second, by citizens who wait for each answer; latencies in ms at 400 a second, by due times.

    One process answers, ours or the textbook's (asked for 100 a second), another is our relay; nothing follows up (no
    register, no timers), and nobody pays.

    Raises Invalid when a form was refused, or a dossier, what belongs to it, or one of its events is missing.
    """
    with issuing() as issuer:

        async def ours(turn: str) -> Figures:
            say(f"intake_submit {turn}: {seconds:.0f} s")
            return await run(ground, OURS, issuer, seconds)

        async def textbook(turn: str) -> Figures:
            say(f"intake_submit {turn}: {seconds:.0f} s, sách giáo khoa · the textbook")
            return await run(ground, TEXTBOOK, issuer, seconds)

        return await in_turns(repetitions, ours, textbook)


async def run(ground: Ground, side: Side, issuer: Issuer, seconds: float) -> Figures:
    """One run from an empty database: warmed up, as fast as it goes, and at the side's steady rate."""
    async with AsyncExitStack() as kept:
        store = await kept.enter_async_context(ground.fresh("intake"))
        await ground.empty_topics(TOPICS)
        told = intake_settings(ground, store, issuer)
        port = int(told["http_port"])
        services = [
            await kept.enter_async_context(side.answering(ground, told)),
            await kept.enter_async_context(service(ground, "intake", "relay", {**told, "http_port": str(port + 1)})),
        ]
        await ready(services[1], port + 1)
        citizens = ground.folder / "citizens.jsonl"
        citizens.write_text("".join(_citizens(issuer)), "utf-8")
        where = {"host": "127.0.0.1", "port": port, "citizens": str(citizens)}
        client = await kept.enter_async_context(started(ground, "filers", "filers", where))
        await client.said()
        warm = await _filed(client, WARM_SECONDS, None)  # until connections, caches and statements are warm
        before = processor_seconds(ground, services)
        fastest = await _filed(client, seconds, None)
        after = processor_seconds(ground, services)
        await all_told(store, ground)
        steady = await _filed(client, seconds, side.asked_per_s)
        await all_told(store, ground)
        await all_filed(store, sum(each["count"] for each in (warm, fastest, steady)))
    count = fastest["count"]
    return {
        "per_s": count / fastest["seconds"],
        "p50_ms": steady["p50_ms"],
        "p99_ms": steady["p99_ms"],
        "latency_at_per_s": steady["count"] / steady["seconds"],
        "processor_us": {name: (after[name] - before[name]) * 1e6 / count for name in after},
    }


@asynccontextmanager
async def _ours(ground: Ground, told: Told) -> AsyncIterator[Process]:
    async with service(ground, "intake", "api", told) as answering:
        await ready(answering, int(told["http_port"]))
        yield answering


@asynccontextmanager
async def _textbook(ground: Ground, told: Told) -> AsyncIterator[Process]:
    wish = {
        "url": told["database_url"],
        "port": int(told["http_port"]),
        "issuer": told["oidc_issuer"],
        "contacts_key": told["contacts_key"],
    }
    async with started(ground, "textbook_filing", "textbook", wish) as answering:
        await answering.said()
        yield answering


# Each side is asked for what it can sustain.
OURS = Side(_ours, 400.0)
TEXTBOOK = Side(_textbook, 100.0)


async def _filed(client: Process, seconds: float, per_s: float | None) -> dict[str, Any]:
    await client.tell(json.dumps({"seconds": seconds, "per_s": per_s}))
    done: dict[str, Any] = json.loads(await client.said(seconds * 3 + 60))
    if set(done["statuses"]) != {"201"}:
        raise Invalid(f"có tờ khai bị từ chối · forms were refused: {done['statuses']} {done['refused']}")
    return done


async def all_told(store: Store, ground: Ground) -> None:
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


async def all_filed(store: Store, count: int) -> None:
    """As many dossiers as were answered, each with its journal's line and kept answer, each person told. Raises Invalid."""
    found = await store.connection.fetchrow(
        """
        select (select count(*) from dossier) as "dossiers",
            (select count(distinct code) from dossier_journal join dossier using (code) where kind = 'submitted')
                as "dossiers with a journal",
            (select count(*) from idempotency join dossier on response ->> 'code' = code) as "answers kept",
            (select count(*) from dossier where search @@ plainto_tsquery('simple', form -> 'applicant' ->> 'citizen_id'))
                as "dossiers that are found",
            (select count(*) from person where not exists (
                select from outbox where aggregatetype = $1 and aggregateid = person_id::text)) as "people not told of"
        """,
        contacts.TOPIC,
    )
    each = ("dossiers", "dossiers with a journal", "answers kept", "dossiers that are found")
    agree({**dict.fromkeys(each, count), "people not told of": 0}, dict(found or {}))


def intake_settings(ground: Ground, store: Store, issuer: Issuer) -> Told:
    """What intake is told, without a register to ask."""
    return settings(
        ground,
        store,
        free_port(),
        issuer.url,
        contacts_key=_CONTACTS_KEY,
        public_url="http://127.0.0.1",
        documents_url=(ground.folder / "documents").as_uri(),
    )


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
