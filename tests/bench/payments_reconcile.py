"""A day of payments reconciled: the bank's statement, the ledger and the dossiers, with seeded faults that must be found."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from chassis.clock import VIETNAM, utc_now
from deploy.local.offsets import free_offset
from services.payments.settings import PaymentsSettings
from tests.bench.gate import Invalid, agree
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.intake_submit import ready
from tests.bench.payments_day import EVERY, SHORT, STRANGE, STRANGERS, WRONG, paid
from tests.bench.payments_pages import AMOUNT
from tests.bench.processes import Process, processor_seconds
from tests.integration.sandbox_process import Server, running
from tests.issuer import Issuer, issuing

_LONGEST_SECONDS = 600.0
_ROOT = Path(__file__).resolve().parents[2]
_KEY, _BIN, _ACCOUNT = "bank-bench", "970403", "1017595600"
_SECRET = "bank-secret-of-the-bench"
_BANK = {
    "BANK_KEY": _KEY,
    "BANK_BIN": _BIN,
    "BANK_ACCOUNT": _ACCOUNT,
    "BANK_WEBHOOK_URL": "http://127.0.0.1:9/webhooks/bank",
    "BANK_WEBHOOK_SECRET": _SECRET,
}


async def measure(ground: Ground, count: int, say: Say) -> dict[str, Any]:
    """Seconds until a day of so many transfers is reconciled: from the operator's request to the last report.

    The statement is served by the sandbox's bank, page by page. One notice in a hundred was lost, some lines tell of
    another amount, strangers have paid, and one payment is on no statement.

    Raises Invalid when one of these was not found, or found to be something else; or when a đồng is not in the ledger.
    """
    day = utc_now().astimezone(VIETNAM).date() - timedelta(days=2)
    async with AsyncExitStack() as kept:
        issuer = kept.enter_context(issuing())
        store = await kept.enter_async_context(ground.fresh("payments"))
        (ground.folder / "bank").mkdir(exist_ok=True)
        bank = kept.enter_context(running(Server("bank", ground.folder / "bank", _BANK)))
        environment = _environment(ground, store, bank, issuer)
        say(f"payments_reconcile: {count:,} khoản phí đã nộp · paid bills")
        await paid(store, _settings(environment), bank.url, day, count)
        await ground.checkpoint()
        service = await kept.enter_async_context(_service(ground, environment))
        port = int(environment["MOTCUA_HTTP_PORT"])
        await ready(service, port)
        say(f"payments_reconcile: đối soát ngày {day} · reconciling that day")
        before, begin = processor_seconds(ground, [service]), time.monotonic()
        statement = await _reconciled(port, issuer, "vietqr", day)
        middle = time.monotonic()
        dossiers = await _reconciled(port, issuer, "dossiers", day)
        end, after = time.monotonic(), processor_seconds(ground, [service])
        await _all_found(store, bank, count, statement, dossiers)
        return {
            "seconds": round(end - begin, 1),
            "statement_seconds": round(middle - begin, 1),
            "dossiers_seconds": round(end - middle, 1),
            "payments": count,
            "healed": statement["healed"]["capture_unheard"],
            "raised": statement["unexplained"],
            "processor_us": {name: round((after[name] - before[name]) * 1e6 / count) for name in after},
        }


async def _reconciled(port: int, issuer: Issuer, gateway: str, day: date) -> dict[str, Any]:
    """The report. Raises Invalid when there is none in time."""
    headers, asked = issuer.bearer("operator"), {"gateway": gateway, "day": day.isoformat()}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        (run,) = (await client.post("/reconciliations", json=asked)).raise_for_status().json()
        deadline = time.monotonic() + _LONGEST_SECONDS
        while run["finished_at"] is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            (run,) = (await client.get(f"/reconciliations?run_id={run['run_id']}")).raise_for_status().json()
    if run["report"] is None:
        raise Invalid(f"{gateway}: không đối soát được · not reconciled: {run['error']}")
    report: dict[str, Any] = run["report"]
    return report


async def _all_found(
    store: Store, bank: Server, count: int, statement: dict[str, Any], dossiers: dict[str, Any]
) -> None:
    """Each fault was found as what it is, and every đồng of the bank is in the ledger. Raises Invalid."""
    lost = sum(1 for place in range(count) if place % 500 % EVERY == EVERY - 1)
    async with httpx.AsyncClient(base_url=bank.url) as client:
        totals = (await client.get("/_control/lines")).raise_for_status().json()["totals"]
    row = await store.connection.fetchrow("""
        select (select count(*) from bill where state = 'paid') as "paid bills",
            (select count(*) from bill where jsonb_array_length(captures) = 1) as "bills with one capture",
            (select (sum(debit) - sum(credit))::bigint from ledger_entry) as "ledger",
            (select (sum(debit) - sum(credit))::bigint from ledger_entry where account = 'gateway:vietqr') as "at the bank",
            (select count(*) from outbox where type like '%discrepancy-found%') as "raised"
        """)
    found = {
        "lines": statement["lines"],
        "healed": statement["healed"],
        "found": statement["found"],
        "unexplained đồng": statement["unexplained_dong"],
        "among dossiers": dossiers["found"],
        **dict(row or {}),
    }
    strange = STRANGERS * STRANGE
    expected = {
        "lines": count + STRANGERS,
        "healed": {"capture_unheard": lost},
        "found": {
            "amount_differs": {"open": WRONG},
            "missing_at_gateway": {"open": 1},
            "unknown_payment": {"open": STRANGERS},
        },
        "unexplained đồng": WRONG * SHORT + strange + AMOUNT,
        "among dossiers": {},
        "paid bills": count + 1,
        "bills with one capture": count + 1,
        "ledger": 0,
        # What is on no statement stands in the ledger as well: that is what is raised.
        "at the bank": sum(total["amount"] for total in totals) + AMOUNT,
        "raised": WRONG + 1 + STRANGERS,
    }
    agree(expected, found)


def _environment(ground: Ground, store: Store, bank: Server, issuer: Issuer) -> dict[str, str]:
    return {
        "MOTCUA_DATABASE_URL": store.database.url,
        "MOTCUA_KAFKA_BOOTSTRAP": ground.login["bootstrap"],
        "MOTCUA_KAFKA_USER": ground.login["user"],
        "MOTCUA_KAFKA_PASSWORD": ground.login["password"],
        "MOTCUA_HTTP_PORT": str(20_000 + free_offset() % 10_000),
        "MOTCUA_OIDC_ISSUER": issuer.url,
        "MOTCUA_INSTANCE": f"payments-bench-{ground.run()}",
        "MOTCUA_TRACES_RATIO": "0.01",
        "MOTCUA_LOG_LEVEL": "warning",
        "MOTCUA_RETURN_URL": "http://127.0.0.1/{code}",
        "MOTCUA_GATEWAY_URL": "http://127.0.0.1:9",
        "MOTCUA_GATEWAY_SECRET_KEY": "sk_bench",
        "MOTCUA_GATEWAY_WEBHOOK_SECRET": "whsec_bench",
        "MOTCUA_BANK_URL": bank.url,
        "MOTCUA_BANK_KEY": _KEY,
        "MOTCUA_BANK_WEBHOOK_SECRET": _SECRET,
        "MOTCUA_BANK_BIN": _BIN,
        "MOTCUA_BANK_ACCOUNT": _ACCOUNT,
        # The day is read when it is asked for, not a moment before.
        "MOTCUA_STATEMENT_SECONDS": "1000000000",
    }


def _settings(environment: dict[str, str]) -> PaymentsSettings:
    return PaymentsSettings.model_validate(
        {name.removeprefix("MOTCUA_").lower(): value for name, value in environment.items()}
    )


@asynccontextmanager
async def _service(ground: Ground, environment: dict[str, str]) -> AsyncIterator[Process]:
    """payments, answering and working off in one process."""
    log = ground.folder / "payments.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.payments", "--roles", "api,timers"),
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield Process("payments", process, log)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
