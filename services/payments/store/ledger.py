"""The ledger, read: entries are written beside their bills."""

from __future__ import annotations

from typing import Any

from chassis.postgres import Pool

_BALANCES = """
select account, (sum(debit) - sum(credit))::bigint as balance
from ledger_entry where dossier_code = $1 group by account order by account
"""
_CLEARING = """
select substr(account, 9) as gateway, (sum(debit) - sum(credit))::bigint as balance
from ledger_entry where account like 'gateway:%' group by account
"""


async def clearing(pool: Pool) -> dict[str, int]:
    """What our books say that each gateway holds for us, in đồng."""
    return {row["gateway"]: row["balance"] for row in await pool.fetch(_CLEARING)}


async def balances(pool: Pool, dossier_code: str) -> list[dict[str, Any]]:
    """What a dossier's entries add up to on each account, in đồng: debit less credit."""
    return [dict(row) for row in await pool.fetch(_BALANCES, dossier_code)]
