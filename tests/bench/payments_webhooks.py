"""Paid: from the posting of a signed webhook to the commit of ledger, receipt and events. Beside the textbook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from chassis.postgres import open_pool
from contracts import payments as contract
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from tests.bench.gate import agree
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.payments_pages import AMOUNT, Page, opened, template
from tests.bench.processes import Process, processor_seconds, service, started
from tests.bench.ringing import Ringing
from tests.bench.services import free_port, ready, settings
from tests.bench.turns import Figures, in_turns

_SECRET = "whsec_bench"
_TEXTBOOKS = 2  # as many processes as ours


async def measure(ground: Ground, count: int, textbook_count: int, repetitions: int, say: Say) -> dict[str, Any]:
    """Webhooks taken in a second, posted as fast as they are answered, until the last one's ledger entries are committed.

    Latencies in ms, from the moment at which one is due to be posted, at 400 a second (the textbook's at 100): of the
    answer, and of the commit. Bills are in checkout, each is paid by one webhook. Ours is one process that answers and
    another that works off; the textbook's two both do all, and answer after the commit.

    Raises Invalid when a webhook was refused, or a bill is not paid exactly once.
    """
    paying = await template(ground.folder)

    async def ours(turn: str) -> Figures:
        say(f"payments_webhooks {turn}: {count:,} thông báo · webhooks")
        return await run(ground, OURS, count, paying)

    async def textbook(turn: str) -> Figures:
        say(f"payments_webhooks {turn}: {textbook_count:,} thông báo, sách giáo khoa · webhooks, the textbook")
        return await run(ground, TEXTBOOK, textbook_count, paying)

    told = await in_turns(repetitions, ours, textbook)
    return {**told, "webhooks": count, "textbook_webhooks": textbook_count}


class Side(NamedTuple):
    """Who is measured: how its processes are started, and what is asked of them in a second for latencies."""

    serving: Callable[[Ground, dict[str, str], AsyncExitStack], Any]
    asked_per_s: float
    answers_when_paid: bool


async def run(ground: Ground, side: Side, count: int, paying: Callable[[Page], str]) -> Figures:
    """One run over new bills: warmed up, as fast as it goes, and at the side's steady rate."""
    steady, warm = max(count // 3, 10), max(count // 10, 10)
    async with AsyncExitStack() as kept:
        store = await kept.enter_async_context(ground.fresh("payments"))
        told = _settings(ground, store)
        pool = await open_pool(store.database.url, "bench", 2)
        pages = await opened(payments(PaymentsSettings.model_validate(told)), pool, 0, count + steady + warm)
        await pool.close()
        await store.connection.execute("vacuum analyze")
        await ground.checkpoint()
        processes, ports = await side.serving(ground, told, kept)
        where = {"host": "127.0.0.1", "ports": ports, "secret": _SECRET}
        client = await kept.enter_async_context(started(ground, "ringers", "ringers", where))
        await client.said()
        ringing = Ringing(ground, store, client, paying, side.answers_when_paid)
        await ringing.rung(pages[:warm], None)  # until connections, caches and statements are warm
        before = processor_seconds(ground, processes)
        fastest = await ringing.rung(pages[warm : warm + count], None)
        after = processor_seconds(ground, processes)
        slow = await ringing.rung(pages[warm + count :], side.asked_per_s)
        await all_paid(store, len(pages))
    return {
        **slow,
        **{name: fastest[name] for name in ("per_s", "answered_per_s")},
        "latency_at_per_s": side.asked_per_s,
        # Nothing is published here: what Kafka uses meanwhile is nobody's work, and the more the longer a run takes.
        "processor_us": {name: (after[name] - before[name]) * 1e6 / count for name in after if name != "kafka"},
    }


async def _ours(ground: Ground, told: dict[str, str], kept: AsyncExitStack) -> tuple[Sequence[Process], list[int]]:
    port = int(told["http_port"])
    answers = await kept.enter_async_context(service(ground, "payments", "api", told))
    beside = {**told, "http_port": str(port + 1)}
    works_off = await kept.enter_async_context(service(ground, "payments", "timers", beside))
    await ready(answers, port)
    await ready(works_off, port + 1)
    return [answers, works_off], [port]


async def _textbook(ground: Ground, told: dict[str, str], kept: AsyncExitStack) -> tuple[Sequence[Process], list[int]]:
    ports = [int(told["http_port"]) + place for place in range(_TEXTBOOKS)]
    wishes = [{"url": told["database_url"], "port": port, "secret": _SECRET} for port in ports]
    processes = [
        await kept.enter_async_context(started(ground, "textbook_paying", f"textbook-{place}", wish))
        for place, wish in enumerate(wishes)
    ]
    for process in processes:
        await process.said()
    return processes, ports


# Each side is asked for what it can sustain.
OURS = Side(_ours, 400.0, answers_when_paid=False)
TEXTBOOK = Side(_textbook, 100.0, answers_when_paid=True)


async def all_paid(store: Store, count: int) -> None:
    """Every bill is paid once, the ledger balances, receipts have no gap, all is told, nothing waits. Raises Invalid."""
    found = await store.connection.fetchrow(
        """
        select (select count(*) from bill where state = 'paid') as "paid bills",
            (select count(*) from bill where jsonb_array_length(captures) = 1 and jsonb_array_length(refunds) = 0)
                as "bills with one capture",
            (select count(distinct transaction_id) from ledger_entry where account = 'gateway:stripe') as "captures",
            (select sum(debit)::bigint from ledger_entry where account = 'gateway:stripe') as "đồng at the gateway",
            (select (sum(debit) - sum(credit))::bigint from ledger_entry) as "ledger",
            (select count(*) from receipt) as "receipts",
            (select (max(ordinal) - min(ordinal) + 1)::bigint from receipt) as "receipt numbers",
            (select count(*) from bill join receipt using (bill_id) where receipts @> jsonb_build_array(
                jsonb_build_object('number', receipt.number))) as "bills with their receipt",
            (select count(distinct aggregateid) from outbox where type = $1) as "bills told of as paid",
            (select count(distinct aggregateid) from outbox where type = $2) as "receipts told of",
            (select count(*) from ring where outcome = 'done' and tries = 0) as "webhooks",
            (select count(*) from call) as "questions",
            (select count(*) from timer where aggregate = 'bill') as "timers"
        """,
        contract.Succeeded.TYPE,
        contract.ReceiptIssued.TYPE,
    )
    none = dict.fromkeys(("ledger", "questions", "timers"), 0)
    each = dict.fromkeys(dict(found or {}).keys() - none.keys(), count)
    agree({**each, **none, "đồng at the gateway": count * AMOUNT}, dict(found or {}))


def _settings(ground: Ground, store: Store) -> dict[str, str]:
    return settings(
        ground,
        store,
        free_port(),
        "http://127.0.0.1:9",
        traces_ratio="0.01",
        return_url="http://127.0.0.1/{code}",
        gateway_url="http://127.0.0.1:9",
        gateway_secret_key="sk_bench",
        gateway_webhook_secret=_SECRET,
    )
