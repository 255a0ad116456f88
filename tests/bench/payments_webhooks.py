"""Paid: from the posting of a signed webhook to the commit of ledger, receipt and events."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from chassis import outbox
from chassis.postgres import open_pool
from contracts import payments as contract
from deploy.local.offsets import free_offset
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from tests.bench.gate import Invalid, agree
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.intake_submit import ready
from tests.bench.payments_pages import AMOUNT, Page, opened, template
from tests.bench.processes import Process, processor_seconds, started

ASKED_PER_S = 400.0
_SECRET = "whsec_bench"
_ROOT = Path(__file__).resolve().parents[2]
_PAID_SECONDS = 60.0
# One process speaks, one transaction after the other: positions are in the order of commits. Nothing is published here.
_SUCCEEDED = """
select position, aggregateid as code from outbox
where published_at is null and position > $1 and type = $2 order by position"""


async def measure(ground: Ground, count: int, say: Say) -> dict[str, Any]:
    """Webhooks taken in a second, posted as fast as they are answered, until the last one's ledger entries are committed.

    Latencies in ms, from the moment at which one is due to be posted, at 400 a second: of the answer, and of the commit.
    One process answers, another works off; bills are in checkout, each is paid by one webhook.

    Raises Invalid when a webhook was refused, or a bill is not paid exactly once.
    """
    async with AsyncExitStack() as kept:
        store = await kept.enter_async_context(ground.fresh("payments"))
        port = 20_000 + free_offset() % 10_000
        settings = _settings(ground, store, port)
        steady, warm = count // 3, max(count // 10, 10)
        say(f"payments_webhooks: {count + steady + warm:,} khoản phí đang nộp · bills in checkout")
        paying = await template(ground.folder)
        pool = await open_pool(store.database.url, "bench", 2)
        pages = await opened(payments(settings), pool, 0, count + steady + warm)
        await pool.close()
        await store.connection.execute("vacuum analyze")
        await ground.checkpoint()
        services = [await kept.enter_async_context(service(ground, settings, roles)) for roles in ("api", "timers")]
        await ready(services[0], port)
        where = {"host": "127.0.0.1", "port": port, "secret": _SECRET}
        client = await kept.enter_async_context(started(ground, "ringers", "ringers", where))
        await client.said()
        run = Run(ground, store, client, paying)
        await run.rung(pages[:warm], None)  # until connections, caches and statements are warm
        say(f"payments_webhooks: {count:,} so nhanh như được trả lời · as fast as they are answered")
        before = processor_seconds(ground, services)
        fastest = await run.rung(pages[warm : warm + count], None)
        after = processor_seconds(ground, services)
        say(f"payments_webhooks: {steady:,}, {ASKED_PER_S:.0f}/s")
        slow = await run.rung(pages[warm + count :], ASKED_PER_S)
        await all_paid(store, len(pages))
        return {
            "per_s": round(count / fastest["seconds"]),
            **{name: slow[name] for name in ("p50_ms", "p99_ms", "answer_p50_ms", "answer_p99_ms")},
            "latency_at_per_s": round(ASKED_PER_S),
            "answered_per_s": round(count / fastest["answered_seconds"]),
            "processor_us": {name: round((after[name] - before[name]) * 1e6 / count) for name in after},
        }


class Run:
    """Webhooks posted by another process, and looked for in the database."""

    def __init__(self, ground: Ground, store: Store, client: Process, paying: Callable[[Page], str]) -> None:
        self._ground, self._store, self._client, self._paying = ground, store, client, paying

    async def rung(self, pages: Sequence[Page], per_s: float | None) -> dict[str, Any]:
        """Seconds until the last is paid, ms until half and 99 % of them are. Raises Invalid when one never is."""
        file = self._ground.folder / "webhooks.jsonl"
        lines = (json.dumps({"key": page.code, "body": self._paying(page)}) for page in pages)
        file.write_text("\n".join(lines), "utf-8")
        looking = asyncio.create_task(self._committed({page.code for page in pages}))
        await self._client.tell(json.dumps({"file": str(file), "per_s": per_s}))
        done = json.loads(await self._client.said(len(pages) / 20 + 60))
        if set(done["statuses"]) != {"200"}:
            raise Invalid(f"có thông báo bị từ chối · webhooks were refused: {done['statuses']}")
        paid_at = await looking
        due_at = json.loads(file.with_suffix(".due").read_text())
        took = sorted((paid_at[code] - due) * 1_000 for code, due in due_at.items())
        return {
            "seconds": max(paid_at.values()) - min(due_at.values()),
            "answered_seconds": done["seconds"],
            **{f"p{share}_ms": round(took[len(took) * share // 100], 1) for share in (50, 99)},
            **{name: done[name] for name in ("answer_p50_ms", "answer_p99_ms")},
        }

    async def _committed(self, codes: set[str]) -> dict[str, float]:
        """When each was first seen as committed: told by the outbox' own notification, looked up at once."""
        connection, told = await asyncpg.connect(self._store.database.owner_url), asyncio.Event()
        await connection.add_listener(outbox.CHANNEL, lambda *_: told.set())
        seen, last = dict[str, float](), await connection.fetchval("select coalesce(max(position), 0) from outbox")
        try:
            while len(seen) < len(codes):
                async with asyncio.timeout(_PAID_SECONDS):
                    await told.wait()
                told.clear()
                rows = await connection.fetch(_SUCCEEDED, last, contract.Succeeded.TYPE)
                now = time.monotonic()
                for row in rows:
                    seen.setdefault(row["code"], now)
                last = max([last, *(row["position"] for row in rows)])
        except TimeoutError:
            raise Invalid(f"{len(seen)}/{len(codes)} khoản phí đã nộp · bills are paid") from None
        finally:
            await connection.close()
        return seen


async def all_paid(store: Store, count: int) -> None:
    """Every bill is paid once, the ledger balances, receipts have no gap, no webhook waits or failed. Raises Invalid."""
    found = await store.connection.fetchrow("""
        select (select count(*) from bill where state = 'paid') as "paid bills",
            (select count(*) from bill where jsonb_array_length(captures) = 1 and jsonb_array_length(refunds) = 0)
                as "bills with one capture",
            (select count(distinct transaction_id) from ledger_entry where account = 'gateway:stripe') as "captures",
            (select sum(debit)::bigint from ledger_entry where account = 'gateway:stripe') as "đồng at the gateway",
            (select (sum(debit) - sum(credit))::bigint from ledger_entry) as "ledger",
            (select count(*) from receipt) as "receipts",
            (select (max(ordinal) - min(ordinal) + 1)::bigint from receipt) as "receipt numbers",
            (select count(*) from ring where outcome = 'done' and tries = 0) as "webhooks",
            (select count(*) from call) as "questions"
        """)
    expected = dict.fromkeys(("paid bills", "bills with one capture", "captures", "receipts", "receipt numbers"), count)
    agree(
        {**expected, "webhooks": count, "đồng at the gateway": count * AMOUNT, "ledger": 0, "questions": 0},
        dict(found or {}),
    )


def _settings(ground: Ground, store: Store, port: int) -> PaymentsSettings:
    return PaymentsSettings.model_validate(
        {
            "database_url": store.database.url,
            "kafka_bootstrap": ground.login["bootstrap"],
            "kafka_user": ground.login["user"],
            "kafka_password": ground.login["password"],
            "http_port": port,
            "oidc_issuer": "http://127.0.0.1:9",
            "instance": f"payments-bench-{ground.run()}",
            "traces_ratio": 0.01,
            "log_level": "warning",
            "gateway_url": "http://127.0.0.1:9",
            "gateway_secret_key": "sk_bench",
            "gateway_webhook_secret": _SECRET,
            "return_url": "http://127.0.0.1/{code}",
        }
    )


@asynccontextmanager
async def service(ground: Ground, settings: PaymentsSettings, roles: str) -> AsyncIterator[Process]:
    """payments in these roles, as it is run anywhere."""
    environment = {
        "MOTCUA_DATABASE_URL": settings.database_url.get_secret_value(),
        "MOTCUA_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "MOTCUA_KAFKA_USER": settings.kafka_user,
        "MOTCUA_KAFKA_PASSWORD": settings.kafka_password.get_secret_value(),
        "MOTCUA_HTTP_PORT": str(settings.http_port + (roles != "api")),
        "MOTCUA_OIDC_ISSUER": settings.oidc_issuer,
        "MOTCUA_INSTANCE": f"{settings.instance}-{roles}",
        "MOTCUA_TRACES_RATIO": str(settings.traces_ratio),
        "MOTCUA_LOG_LEVEL": settings.log_level,
        "MOTCUA_GATEWAY_URL": settings.gateway_url,
        "MOTCUA_GATEWAY_SECRET_KEY": settings.gateway_secret_key.get_secret_value(),
        "MOTCUA_GATEWAY_WEBHOOK_SECRET": settings.gateway_webhook_secret.get_secret_value(),
        "MOTCUA_RETURN_URL": settings.return_url,
    }
    log = ground.folder / f"payments-{roles}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.payments", "--roles", roles),
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield Process(f"payments {roles}", process, log)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
