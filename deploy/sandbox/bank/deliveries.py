"""Notices: each attempt freshly signed, tried again until it is answered with 2xx, over restarts too.

Signature: `X-Bank-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of "SECONDS.BODY". Order is not promised.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.sandbox.bank.office import Office
from deploy.sandbox.kit.postman import PostError, Postman
from deploy.sandbox.kit.retrying import backoff, timed_signature

AT_ONCE = 16
GIVE_UP_SECONDS = 3 * 24 * 3600.0
ANSWER_WITHIN_SECONDS = 10.0
STALE_SECONDS = 3600


@dataclass
class Deliveries:
    """Sends the notices that are owed: `run` as long as the server lives."""

    office: Office
    busy: set[int] = field(default_factory=set)
    postman: Postman = field(default_factory=lambda: Postman(ANSWER_WITHIN_SECONDS))

    async def run(self) -> None:
        office = self.office
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    office.notices_due.clear()
                    free = AT_ONCE - len(self.busy)
                    for row in office.store.due_notices(office.clock(), self.busy, free) if free > 0 else []:
                        self.busy.add(row["id"])
                        tasks.create_task(self.deliver(row))
                    await self._rest()
        finally:
            self.postman.close()

    async def _rest(self) -> None:
        """Until the next notice is due or something wakes us; all hands busy, until one is free."""
        due = self.office.store.next_notice(self.busy) if len(self.busy) < AT_ONCE else None
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self.office.clock())):
                await self.office.notices_due.wait()
        except TimeoutError:
            return

    async def send_now(self, rows: Sequence[sqlite3.Row]) -> None:
        """Send notices while their cause is still being answered (fault notice_before_response)."""
        mine = [row for row in rows if row["id"] not in self.busy]
        self.busy.update(row["id"] for row in mine)
        for row in mine:
            await self.deliver(row)

    async def deliver(self, row: sqlite3.Row) -> None:
        """One attempt, and what follows from it."""
        try:
            self._record(row, *await self._post(row["body"].encode(), row["oddity"]))
        finally:
            self.busy.discard(row["id"])
            self.office.notices_due.set()

    def _record(self, row: sqlite3.Row, answer: str, accepted: bool) -> None:
        now, state = self.office.clock(), "pending"
        if accepted:
            state = "delivered"
            self.office.store.release_held(row["id"], now)
        elif row["oddity"] not in (None, "duplicate"):
            state = "refused"
        elif now - row["created_at"] > GIVE_UP_SECONDS:
            state = "abandoned"
        self.office.store.change(
            "notice", "id", row["id"], state=state, attempts=row["attempts"] + 1, last_answer=answer,
            due_at=now + backoff(self.office.settings.retry_seconds, row["attempts"]),
            done_at=None if state == "pending" else now,
        )  # fmt: skip

    async def _post(self, body: bytes, oddity: str | None) -> tuple[str, bool]:
        """(what was answered, is it accepted). Signed by the wall clock, which receivers compare."""
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "motcua-sandbox-bank/1.0"}
        if oddity != "unsigned":
            at = int(time.time()) - (STALE_SECONDS if oddity == "stale" else 0)
            secret = "stolen" if oddity == "forged" else self.office.settings.webhook_secret
            headers["X-Bank-Signature"] = timed_signature(secret, body, at)
        try:
            status = await self.postman.post(self.office.settings.webhook_url, headers, body)
        except PostError as failure:
            return str(failure), False
        return str(status), 200 <= status < 300
