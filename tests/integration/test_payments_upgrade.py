"""Bills from before a dossier could have several: kept by the upgrade as they were."""

from __future__ import annotations

from importlib.resources import files

import asyncpg

from chassis.identifiers import new_id
from tests.database import Server

CODE = "G09.20-20260609-0000001"
BILL = """
insert into bill (dossier_code, bill_id, version, sequence, person_id, agency, state, amount, currency, fee_lines, due, taken)
values ($1, $2, 3, 2, $3, 'G09.20', 'in_checkout', 135000, 'VND', '[]', now(), '[]')
"""


async def test_yesterdays_bill_keeps_its_dossiers_code_as_its_key(postgres_server: Server) -> None:
    """The tables of the first release, in a schema of their own, with a bill; then the upgrade."""
    database = await postgres_server.fresh("payments")
    migrations = files("services.payments") / "migrations"
    first, upgrade = ((migrations / name).read_text("utf-8") for name in ("0001_bills.sql", "0002_later_bills.sql"))
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("create schema yesterday; set search_path to yesterday")
        await connection.execute(first)
        await connection.execute(BILL, CODE, bill_id := new_id(), new_id())
        await connection.execute(upgrade)
        row = await connection.fetchrow("select key, dossier_code, bill_id, version, sequence, state from bill")
        assert row is not None
        assert tuple(row) == (CODE, CODE, bill_id, 3, 2, "in_checkout")
    finally:
        await connection.close()
