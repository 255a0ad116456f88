"""A day of payments reconciled: the bank's statement, the ledger and the dossiers, with seeded faults that must be found."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any

import httpx

from chassis.clock import VIETNAM, utc_now
from services.payments.settings import PaymentsSettings
from tests.bench.gate import Invalid, agree
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say
from tests.bench.payments_day import EVERY, SHORT, STRANGE, STRANGERS, WRONG, paid
from tests.bench.payments_pages import AMOUNT
from tests.bench.processes import processor_seconds, service
from tests.bench.services import free_port, ready, settings
from tests.integration.sandbox_process import Server, running
from tests.issuer import Issuer, issuing

_LONGEST_SECONDS = 600.0
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
        own = _told(ground, store, bank, issuer)
        say(f"payments_reconcile: {count:,} khoản phí đã nộp · paid bills")
        await paid(store, PaymentsSettings.model_validate(own), bank.url, day, count)
        await ground.checkpoint()
        reconciling = await kept.enter_async_context(service(ground, "payments", "api,timers", own))
        port = int(own["http_port"])
        await ready(reconciling, port)
        say(f"payments_reconcile: đối soát ngày {day} · reconciling that day")
        before, begin = processor_seconds(ground, [reconciling]), time.monotonic()
        statement = await _reconciled(port, issuer, "vietqr", day)
        middle = time.monotonic()
        dossiers = await _reconciled(port, issuer, "dossiers", day)
        end, after = time.monotonic(), processor_seconds(ground, [reconciling])
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


def _told(ground: Ground, store: Store, bank: Server, issuer: Issuer) -> dict[str, str]:
    return settings(
        ground,
        store,
        free_port(),
        issuer.url,
        traces_ratio="0.01",
        return_url="http://127.0.0.1/{code}",
        gateway_url="http://127.0.0.1:9",
        gateway_secret_key="sk_bench",
        gateway_webhook_secret="whsec_bench",
        bank_url=bank.url,
        bank_key=_KEY,
        bank_webhook_secret=_SECRET,
        bank_bin=_BIN,
        bank_account=_ACCOUNT,
        # The day is read when it is asked for, not a moment before.
        statement_seconds="1000000000",
    )
