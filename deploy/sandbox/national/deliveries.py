"""Sending CONFIRMs until they are answered with MaLoi "00", over restarts too."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.sandbox.kit.retrying import backoff
from deploy.sandbox.national.notices import badly_signed
from deploy.sandbox.national.office import Office

GIVE_UP_SECONDS = 3 * 24 * 3600.0
ANSWER_WITHIN_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass
class Deliveries:
    """Sends what the office owes: `run` as long as the server lives."""

    office: Office
    busy: set[int] = field(default_factory=set)
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS))

    async def run(self) -> None:
        async with self.http, asyncio.TaskGroup() as tasks:
            while True:
                self.office.due.clear()
                self.office.take_late()
                for row in self._claimed():
                    tasks.create_task(self._deliver(row))
                await self._rest()

    async def send_now(self, reference: str) -> None:
        """Send what is owed of one payment while its caller is still waiting (fault notice_before_response)."""
        for row in self._claimed(reference):
            await self._deliver(row)

    def _claimed(self, reference: str = "") -> list[sqlite3.Row]:
        """What is due and nobody is sending, of one payment or of all; from now on it is being sent."""
        due = self.office.store.due(self.office.clock(), self.busy)
        mine = [row for row in due if reference in ("", row["reference"])]
        self.busy.update(row["id"] for row in mine)
        return mine

    async def _rest(self) -> None:
        """Until something is due, or somebody wakes us: what is being sent does so when it ends."""
        due = self.office.store.next_due(self.busy)
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self.office.clock())):
                await self.office.due.wait()
        except TimeoutError:
            return

    async def _deliver(self, row: sqlite3.Row) -> None:
        try:
            self._record(row, await self._answer(row))
        finally:
            self.busy.discard(row["id"])
            self.office.due.set()

    async def _answer(self, row: sqlite3.Row) -> str:
        """MaLoi of what was answered, or why there was none."""
        message: dict[str, Any] = json.loads(row["message"])
        if row["oddity"] == "badly_signed" and row["attempts"] == 0:
            message = badly_signed(message)
        body = json.dumps(message, ensure_ascii=False).encode()
        try:
            answer = await self.http.post(row["url"], content=body, headers={"Content-Type": "application/json"})
            told = answer.json()
        except httpx.HTTPError as error:
            log.info("CONFIRM of %s not delivered: %s", row["reference"], type(error).__name__)
            return type(error).__name__
        except ValueError:
            return f"HTTP {answer.status_code}"
        return str(told.get("MaLoi", f"HTTP {answer.status_code}")) if isinstance(told, dict) else "no answer"

    def _record(self, row: sqlite3.Row, answer: str) -> None:
        now, attempts, state = self.office.clock(), row["attempts"] + 1, "pending"
        if answer == "00":
            state = "delivered"
        elif row["oddity"] == "forged":
            state = "refused"
        elif now - row["created_at"] > GIVE_UP_SECONDS:
            state = "abandoned"
        self.office.store.change_delivery(
            row["id"], state=state, attempts=attempts, answer=answer, done_at=None if state == "pending" else now,
            due_at=now + backoff(self.office.settings.retry_seconds, row["attempts"]),
        )  # fmt: skip
