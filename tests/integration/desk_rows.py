"""Dossiers put into intake's database as they are, for what lists and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from services.intake.domain.search import words
from tests.integration.intake_desk import Desk

_COPIES = """
insert into dossier select made.*
from dossier as one, jsonb_array_elements($2::jsonb) as told(row),
    lateral jsonb_populate_record(one, told.row || jsonb_build_object('search', null)) as made
where one.code = $1"""
_WORDS = "update dossier set search = to_tsvector('simple', $2) where code = $1"


async def copied(desk: Desk, code: str, rows: Sequence[dict[str, Any]]) -> None:
    """Copies of a dossier, each with some columns otherwise; `name` is its applicant's."""
    told = [
        {"handler": row["agency"], **row, "search": ""} if "agency" in row else {**row, "search": ""} for row in rows
    ]
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute(_COPIES.replace("null", "''"), code, to_json(told).decode())
        said = [(row["code"], " ".join(words(f"{row['code']} {row.get('name', '')}"))) for row in rows]
        await connection.executemany(_WORDS, said)
