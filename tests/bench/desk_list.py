"""How long intake's lists take over a million dossiers: what desks ask for, each question again and again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any

from chassis.postgres import open_pool
from services.intake.domain.search import query
from services.intake.store import desk
from services.intake.store.desk import OPEN, Asked, Span
from tests.bench import dossiers
from tests.bench.gate import agree
from tests.bench.ground import Ground
from tests.bench.hop import Say

_LIMIT = 21  # a page of twenty, and whether there is a next one
_TIMES = 60
_WARMING_UP = 6  # PostgreSQL plans a statement anew five times on each connection


async def measure(ground: Ground, count: int, say: Say) -> dict[str, Any]:
    """Milliseconds of a page, of all questions and of each; each is asked in turn with the others.

    Raises Invalid when a question that has an answer finds nothing.
    """
    async with ground.fresh("intake") as store:
        say(f"desk_list: tạo hồ sơ · making {count} dossiers")
        await dossiers.fill(store, count)
        await ground.checkpoint()
        pool = await open_pool(store.database.url, "bench", 1)
        asked, taken = questions(datetime.now(UTC)), dict[str, list[float]]()
        say(f"desk_list: {len(asked)} câu hỏi, {_TIMES} lần · questions, times each")
        try:
            for number in range(_WARMING_UP + _TIMES):
                for name, question in asked.items():
                    begun = time.perf_counter()
                    found = await desk.page(pool, question, _LIMIT)
                    if number >= _WARMING_UP:
                        taken.setdefault(name, []).append(1e3 * (time.perf_counter() - begun))
                    if name in _SURE:
                        agree({f"dossiers in a page, {name}": _LIMIT}, {f"dossiers in a page, {name}": len(found)})
        finally:
            await pool.close()
    whole = [each for times in taken.values() for each in times]
    return {**_told(whole), "dossiers": count, "questions": {name: _told(times) for name, times in taken.items()}}


# Of any number of dossiers there are more than a page of these.
_SURE = ("big agency", "newest", "history", "common family name")


def questions(now: datetime) -> Mapping[str, Asked]:
    """What desks ask for, of a big agency where nothing else is said."""
    big = Asked(dossiers.BIG, OPEN, "deadline")
    late = Span(None, now, few=True)
    everything = replace(big, order="newest", statuses=tuple(range(1, 11)))
    common, rare = query(dossiers.COMMON), query(dossiers.RARE)
    return {
        "big agency": big,
        "small agency": replace(big, agency=dossiers.SMALL),
        "agency above": replace(big, agency=dossiers.ABOVE),
        "newest": replace(big, order="newest"),
        "history": replace(big, order="newest", statuses=(3, 8, 10)),
        "status": replace(big, statuses=(5,)),
        "late": replace(big, span=late),
        "late, newest": replace(big, span=late, order="newest"),
        "on time, newest": replace(big, span=Span(now + timedelta(days=4), None, few=False), order="newest"),
        "department": replace(big, department=dossiers.DEPARTMENTS[2]),
        "department's queue": replace(big, department=dossiers.DEPARTMENTS[2], unassigned=True),
        "unassigned": replace(big, unassigned=True),
        "officer": replace(big, officer="Cán bộ 17"),
        "officer, late": replace(big, officer="Cán bộ 17", span=late),
        "officer's history": replace(big, officer="Cán bộ 17", order="newest", statuses=(10,)),
        "procedure": replace(big, procedure="1.002810"),
        "procedure and department": replace(big, procedure="1.002810", department=dossiers.DEPARTMENTS[2]),
        "common family name": replace(big, words=common),
        "common family name, history": replace(everything, words=common),
        "common family name, small agency": replace(big, agency=dossiers.SMALL, words=common),
        "common family name, department": replace(big, words=common, department=dossiers.DEPARTMENTS[2]),
        "rare name": replace(big, words=rare),
        "rare name, history": replace(everything, words=rare),
        "full name, history": replace(everything, words=query(f"{dossiers.COMMON} Văn {dossiers.RARE}")),
        "officer's, by name": replace(big, words=rare, officer="Cán bộ 17"),
        "citizen id, history": replace(everything, words=query("012345")),
    }


def _told(times: list[float]) -> dict[str, float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}
