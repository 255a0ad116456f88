"""A comparison is fair where both sides leave the same: the textbooks' rows are those of our services."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from deploy.local.databases import url
from tests.bench import intake_submit, payments_webhooks
from tests.bench.ground import Ground, standing
from tests.bench.payments_pages import template
from tests.issuer import issuing

# What no two runs have in common: ids, moments, and whose turn it was.
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+\d\d:?\d\d)|\d{6,}|\d{4}/\d+"
)
_SPOKEN = """
select type, aggregatetype, headers - 'traceparent' as headers,
    case when aggregatetype <> 'contacts.v1' then convert_from(payload, 'UTF8')::jsonb end as payload
from outbox where aggregateid = $1 order by position"""
_PAID = {
    "bill": "select to_jsonb(b) - '{traceparent,code}'::text[] as row from bill b where key = $1",
    "ledger": "select to_jsonb(e) as row from ledger_entry e where dossier_code = $1 order by line",
    "receipt": "select to_jsonb(r) - 'ordinal' as row from receipt r where dossier_code = $1",
    "ring": "select to_jsonb(r) - 'body' as row from ring r where convert_from(body, 'UTF8') like '%' || $1 || '%'",
    "timers": "select to_jsonb(t) as row from timer t where key = $1",
    "events": f"select to_jsonb(s) as row from ({_SPOKEN}) as s where type not like '%opened%' and type not like '%started%'",
}
_FILED = {
    "dossier": "select to_jsonb(d) - 'traceparent' as row from dossier d where code = $1",
    "journal": "select to_jsonb(j) - 'number' as row from dossier_journal j where code = $1",
    "answer": "select response as row from idempotency where response ->> 'code' = $1",
    "person": "select to_jsonb(p) - 'traceparent' as row from dossier join person p using (person_id) where code = $1",
    "contact": f"select to_jsonb(s) as row from dossier, lateral ({_SPOKEN.replace('$1', 'person_id::text')}) as s where code = $1",
    "events": f"select to_jsonb(s) as row from ({_SPOKEN}) as s",
}


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with standing() as ground:
        yield ground


async def _left(ground: Ground, service: str, first: str, queries: Mapping[str, str]) -> dict[str, list[Any]]:
    """The rows of one thing that a run has left, by what they are, without what is this run's own."""
    layout, secrets = ground.server.layout, ground.server.secrets
    connection = await asyncpg.connect(url(layout, secrets, f"{service}_owner", service))
    try:
        key = await connection.fetchval(first)
        rows = {name: await connection.fetch(query, key) for name, query in queries.items()}
    finally:
        await connection.close()
    return {name: [_common(json.loads(row["row"])) for row in found] for name, found in rows.items()}


def _common(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _common(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_common(each) for each in value]
    return _OWN.sub("…", value) if isinstance(value, str) else value


async def test_a_webhook_leaves_the_same_bill_entries_receipt_and_events(ground: Ground) -> None:
    paying, left = await template(ground.folder), list[dict[str, list[Any]]]()
    for side in (payments_webhooks.OURS, payments_webhooks.TEXTBOOK):
        await payments_webhooks.run(ground, side, 20, paying)
        left.append(await _left(ground, "payments", "select min(key) from bill", _PAID))
    ours, textbook = left
    assert textbook == ours
    assert {name: len(rows) for name, rows in ours.items()} == {
        **dict.fromkeys(("bill", "receipt", "ring"), 1),
        **dict.fromkeys(("ledger", "events"), 2),
        "timers": 0,
    }


async def test_a_form_leaves_the_same_dossier_person_answer_and_events(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_submit, "WARM_SECONDS", 0.2)
    left = list[dict[str, list[Any]]]()
    with issuing() as issuer:
        for side in (intake_submit.OURS, intake_submit.TEXTBOOK):
            figures = await intake_submit.run(ground, side, issuer, 0.2)
            assert 0 < figures["p50_ms"] <= figures["p99_ms"]
            left.append(await _left(ground, "intake", "select min(code) from dossier", _FILED))
    ours, textbook = left
    assert textbook == ours
    assert {name: len(rows) for name, rows in ours.items()} == {**dict.fromkeys(_FILED, 1), "events": 2}
