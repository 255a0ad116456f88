"""A running intake whose clock tests put forward and whose timers fire, and what people do there to one dossier."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pypdf import PdfReader

from chassis.clock import VIETNAM
from contracts import dossiers, payments
from contracts.registry import EVENTS
from tests.database import Database
from tests.forms import filled
from tests.integration.intake_desk import OFFICER, Desk, open_desk
from tests.integration.sandbox_process import Server
from tests.records import example
from tests.waiting import until

MORNING = datetime(2026, 6, 9, 10, tzinfo=VIETNAM)
REASON = "Cần bổ sung để đủ căn cứ giải quyết."
MARKS = [
    {"path": "details.reason", "reason": "Không khớp với giấy phép"},
    {"path": "documents.health", "reason": "Ảnh mờ, không đọc được"},
]
PROVINCE, JUSTICE = "hanh.tinh", "tuan.tuphap"


class Watch:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def to(self, day: int, hour: int = 10, month: int = 6) -> None:
        self.now = datetime(2026, month, day, hour, tzinfo=VIETNAM)


@dataclass(frozen=True)
class Life:
    """The desk, its clock, and what is done and seen there."""

    desk: Desk
    watch: Watch

    async def begins_anew(self) -> None:
        """It is that morning again, and nobody has filed anything."""
        await self.desk.forgets()
        async with self.desk.owner() as owner:
            await owner.execute("truncate timer, call")
            # Processes know a calendar by its version: one that went back would be taken for what they have read.
            await owner.execute("update calendar set changes = '{}', version = version + 1 where changes <> '{}'")
        self.watch.now = MORNING
        # A process reads them each second: days that the test before this one changed may be in its memory still.
        for refresh in self.desk.service.refreshes:
            await refresh(self.desk.pool)

    async def does(self, code: str, what: str, body: Any = None, who: str = OFFICER, **headers: str) -> Any:
        headers = {"Idempotency-Key": str(uuid4()), **headers}
        answer = await self.desk.post(f"/dossiers/{code}/{what}", who, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def refused(self, code: str, what: str, body: Any = None, who: str = OFFICER) -> tuple[int, str]:
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await self.desk.post(f"/dossiers/{code}/{what}", who, body, **headers)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def seen(self, code: str, who: str = "anh") -> dict[str, Any]:
        answer = await self.desk.get(f"/dossiers/{code}", who)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def filed(self, **more: Any) -> str:
        """A dossier that is paid for, with a document of its citizen."""
        document = await self.desk.uploaded("anh", "suc-khoe.pdf")
        answer = await self.desk.submits(filled() | {"documents": {"health": [document]}} | more)
        assert answer.status_code == 201, answer.text
        code = str(answer.json()["code"])
        await self.desk.hears(example(payments.Succeeded), code)
        return code

    async def at_work(self, **more: Any) -> str:
        code = await self.filed(**more)
        for what in ("accept", "process"):
            await self.does(code, what)
        return code

    async def told(self, code: str) -> list[Any]:
        """What was told of a dossier, in order: each as the class that its readers get."""
        about = (dossiers.TOPIC, code)
        rows = [row for row in await self.desk.outbox() if (row["aggregatetype"], row["aggregateid"]) == about]
        assert [row["headers"]["ce_sequence"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
        return [EVENTS[row["type"]].model_validate_json(row["payload"]) for row in rows]

    async def until_seen(self, code: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the dossier is seen like this."""
        async with asyncio.timeout(60):
            while not is_so(seen := await self.seen(code)):
                await asyncio.sleep(0.05)
        return seen

    async def until_told(self, code: str, name: str) -> None:
        """Wait until an event of this name was told."""

        async def is_told() -> bool:
            return name in [type(each).__name__ for each in await self.told(code)]

        await until(is_told, f"no {name} was told")

    async def text(self, href: str, who: str = "anh") -> str:
        """All that is written on a paper."""
        answer = await self.desk.get(href, who)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text[:300]
        return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages).split())


@asynccontextmanager
async def open_life(database: Database, provider: Server, documents: Path) -> AsyncIterator[Life]:
    """All roles that need no Kafka, until the block is left."""
    watch = Watch()
    async with open_desk(database, provider, watch, ("api", "timers"), documents_url=documents.as_uri()) as desk:
        yield Life(desk, watch)


def closing(day: int, month: int = 6) -> str:
    """The end of that day's work."""
    return datetime(2026, month, day, 17, tzinfo=VIETNAM).isoformat()


def same(shown: str | None, expected: str) -> bool:
    """Whether both are one moment."""
    return shown is not None and datetime.fromisoformat(shown) == datetime.fromisoformat(expected)
