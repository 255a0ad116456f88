"""IPN: a GET to the merchant's address, again until the answer says RspCode 00 or 02, over restarts too.

VNPAY tries ten times, five minutes apart [V]; here the wait doubles from `retry_seconds` to a minute, ten times too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.sandbox.kit.retrying import backoff
from deploy.sandbox.vnpay.codes import ENDED
from deploy.sandbox.vnpay.office import Office

if TYPE_CHECKING:
    from httpcore import AsyncConnectionPool

AT_ONCE = 16
TRIES = 10
ANSWER_WITHIN_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass
class Notices:
    """Sends what is owed: `run` as long as the server lives."""

    office: Office
    busy: set[int] = field(default_factory=set)
    line: AsyncConnectionPool | None = None

    async def run(self) -> None:
        if not self.office.settings.ipn_url:
            return
        async with asyncio.TaskGroup() as tasks:
            while True:
                self.office.notices_due.clear()
                free = AT_ONCE - len(self.busy)
                rows = self.office.store.due_notices(self.office.clock(), [*self.busy], free) if free > 0 else []
                for row in rows:
                    self.busy.add(row["id"])
                    tasks.create_task(self.deliver(row))
                await self._rest()

    async def send_now(self, reference: str) -> None:
        """Send what is owed of an order while the payer's browser still waits (fault notice_before_response)."""
        rows = [row for row in self.office.store.pending_notices(reference) if row["id"] not in self.busy]
        self.busy.update(row["id"] for row in rows)
        for row in rows:
            await self.deliver(row)

    async def deliver(self, row: sqlite3.Row) -> None:
        """One try, and what follows from it."""
        store = self.office.store
        try:
            answer, ended = await self._get(row["query"])
            state = "pending"
            if ended:
                state = "confirmed"
            elif row["oddity"] in ("forged", "unsigned"):
                state = "refused"
            elif row["attempts"] + 1 >= TRIES:
                state = "abandoned"
            wait = backoff(self.office.settings.retry_seconds, row["attempts"])
            with store.transaction():
                store.record_try(row["id"], state, self.office.clock() + wait, answer)
                if ended:
                    store.release_held()
        finally:
            self.busy.discard(row["id"])
            self.office.notices_due.set()

    async def _rest(self) -> None:
        """Until the next notice is due or something wakes us."""
        due = self.office.store.next_notice([*self.busy]) if len(self.busy) < AT_ONCE else None
        # One that is due and not taken waits for the one before it, whose end wakes us.
        wait = None if due is None else max(0.05, due - self.office.clock())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.office.notices_due.wait()

    async def _get(self, query: str) -> tuple[str, bool]:
        """(what the merchant answered, whether that ends the notice)."""
        # Not at the top of the module: it would be a third of the time the server takes to start.
        from httpcore import AsyncConnectionPool, NetworkError, ProtocolError, TimeoutException

        if self.line is None:
            self.line = AsyncConnectionPool(max_connections=AT_ONCE)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_WITHIN_SECONDS)
        url = f"{self.office.settings.ipn_url}?{query}"
        try:
            response = await self.line.request("GET", url, extensions={"timeout": limits})
            told = json.loads(response.content)
            code = str(told["RspCode"])
        except (NetworkError, ProtocolError, TimeoutException) as error:
            log.info("IPN not delivered: %s", type(error).__name__)
            return type(error).__name__, False
        except (ValueError, TypeError, KeyError):
            return f"{response.status}, no RspCode", False
        return code, response.status == 200 and code in ENDED
