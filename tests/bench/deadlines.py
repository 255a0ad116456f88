"""A day off is announced: the promised dates of all open dossiers are counted anew, kept and told."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx

from contracts import dossiers
from services.intake.domain.calendar_changes import SETTLING
from tests.bench.gate import Invalid
from tests.bench.ground import Ground
from tests.bench.hop import Say
from tests.bench.intake_submit import TOPICS, all_told, intake_settings
from tests.bench.processes import service
from tests.bench.services import ready
from tests.issuer import issuing

_PATIENCE_SECONDS = 300.0
_FILL = """
insert into dossier (
    code, version, sequence, procedure, procedure_version, procedure_name, agency, agency_name, desk, handler,
    handler_name, department, person_id, status, since, due, result_due, clock, processing, stages, stage, fee_lines,
    result, submitted_at, form)
select 'G09.20-260601-' || lpad(number::text, 7, '0'), 1, 0, '1.002809', 2, 'Đổi giấy phép lái xe', 'G09.20', 'Công an tỉnh',
    'Bộ phận một cửa', 'G09.20', 'Công an tỉnh', 'Phòng Cảnh sát giao thông', $2::uuid, 4, $3::timestamptz, $4::timestamptz, $4,
    jsonb_build_object('amount', 20, 'unit', 'working_days', 'started', $3::timestamptz),
    '{"amount": 20, "unit": "working_days"}',
    '[{"key": "tham_dinh", "name": "Thẩm định", "agency": "G09.20", "agency_name": "Công an tỉnh", "department": "Phòng"}]',
    0, '[]', 'Giấy phép lái xe', $3, '{}'
from generate_series(1, $1::int) as number
"""
_PERSON = """
insert into person (person_id, version, sequence, name, citizen_id, language)
values (gen_random_uuid(), 1, 0, 'Nguyễn Thị Ánh', '019190012345', 'vi') returning person_id"""
_COUNTING = "select exists (select from call) or exists (select from timer where kind = 'CountAnew')"


async def measure(ground: Ground, count: int, say: Say) -> dict[str, Any]:
    """Seconds of counting from the moment at which every process knows the new calendar, until each date is kept.

    Once every date moves, each with its event and its warnings; once none does.

    Raises Invalid when a dossier was not counted, or its event is missing.
    """
    async with AsyncExitStack() as kept:
        issuer = kept.enter_context(issuing())
        store = await kept.enter_async_context(ground.fresh("intake"))
        await ground.empty_topics(TOPICS)
        own = intake_settings(ground, store, issuer)
        port = int(own["http_port"])
        working = await kept.enter_async_context(service(ground, "intake", "api,timers", own))
        await kept.enter_async_context(service(ground, "intake", "relay", {**own, "http_port": str(port + 1)}))
        await ready(working, port)
        http = await kept.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        began = await store.connection.fetchval("select now()")
        person_id = await store.connection.fetchval(_PERSON)
        # As promised by a calendar on which every day was worked: each of them changes.
        await store.connection.execute(_FILL, count, person_id, began, began)
        await store.connection.execute("vacuum analyze dossier")
        say(f"deadlines: {count:,} hồ sơ · dossiers")

        async def counted(day: str) -> float:
            """Seconds that counting takes after this day was made a day off."""
            path, headers = f"/calendars/default/days/{day}", issuer.bearer("operator")
            answer = await http.put(path, json={"worked": False}, headers=headers)
            if answer.status_code != 202:
                raise Invalid(f"{answer.status_code} {answer.text}")
            await asyncio.sleep(SETTLING.total_seconds())
            begin = time.perf_counter()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while await store.connection.fetchval(_COUNTING):
                    await asyncio.sleep(0.05)
            return time.perf_counter() - begin

        all_moved = await counted("2030-06-03")
        await all_told(store, ground)
        none_moved = await counted("2030-06-04")
        async with ground.written(dossiers.TOPIC) as written:
            if (found := await written()) != count:
                raise Invalid(f"{count} hồ sơ, {found} sự kiện · events")
        return {"dossiers": count, "all_moved_s": round(all_moved, 1), "none_moved_s": round(none_moved, 1)}
