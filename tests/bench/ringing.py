"""Webhooks posted by another process, and the moment at which what they pay is committed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from chassis import outbox
from contracts import payments as contract
from tests.bench.gate import Invalid
from tests.bench.ground import Ground, Store
from tests.bench.payments_pages import Page
from tests.bench.processes import Process

_PAID_SECONDS = 60.0
# One process speaks, one transaction after the other: positions are in the order of commits. Nothing is published here.
_SUCCEEDED = """
select position, aggregateid as code from outbox
where published_at is null and position > $1 and type = $2 order by position"""


@dataclass(frozen=True)
class Ringing:
    """A gateway, `client`, that posts to a service; `answers_when_paid`: an answer says that all is committed."""

    ground: Ground
    store: Store
    client: Process
    paying: Callable[[Page], str]
    answers_when_paid: bool

    async def rung(self, pages: Sequence[Page], per_s: float | None) -> dict[str, Any]:
        """How many are paid in a second, and ms until half and 99 % of them are, each from when it was due.

        Raises Invalid when one never is, or a webhook was refused.
        """
        file = self.ground.folder / "webhooks.jsonl"
        lines = (json.dumps({"key": page.code, "body": self.paying(page)}) for page in pages)
        file.write_text("\n".join(lines), "utf-8")
        looking = None if self.answers_when_paid else await self._looking({page.code for page in pages})
        await self.client.tell(json.dumps({"file": str(file), "per_s": per_s}))
        done = json.loads(await self.client.said(len(pages) / 20 + 60))
        if set(done["statuses"]) != {"200"}:
            raise Invalid(f"có thông báo bị từ chối · webhooks were refused: {done['statuses']}")
        answers = {name: done[name] for name in ("answer_p50_ms", "answer_p99_ms")}
        answered_per_s = len(pages) / done["seconds"]
        if looking is None:
            paid = {"per_s": answered_per_s, **{name.removeprefix("answer_"): ms for name, ms in answers.items()}}
        else:
            paid = _paid(await looking, json.loads(file.with_suffix(".due").read_text()))
        return {**paid, **answers, "answered_per_s": answered_per_s}

    async def _looking(self, codes: set[str]) -> asyncio.Task[dict[str, float]]:
        """Looks for what is committed from now on: it has begun before anything is posted, so it misses nothing."""
        connection, told = await asyncpg.connect(self.store.database.owner_url), asyncio.Event()
        await connection.add_listener(outbox.CHANNEL, lambda *_: told.set())
        last = await connection.fetchval("select coalesce(max(position), 0) from outbox")
        return asyncio.create_task(_committed(connection, told, last, codes))


async def _committed(
    connection: asyncpg.Connection, told: asyncio.Event, last: int, codes: set[str]
) -> dict[str, float]:
    """When each was first seen as committed: told by the outbox' own notification, looked up at once."""
    seen = dict[str, float]()
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


def _paid(paid_at: Mapping[str, float], due_at: Mapping[str, float]) -> dict[str, float]:
    took = sorted((paid_at[code] - due) * 1_000 for code, due in due_at.items())
    return {
        "per_s": len(took) / (max(paid_at.values()) - min(due_at.values())),
        **{f"p{share}_ms": took[len(took) * share // 100] for share in (50, 99)},
    }
