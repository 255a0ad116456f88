"""Webhook deliveries: each attempt freshly signed, tried again until it is accepted, over restarts too.

Signature: `Stripe-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of "SECONDS.BODY" under the endpoint's secret. Accepted is
what is answered with 2xx; a redirect is not followed. Order is not promised.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from dataclasses import dataclass, field

from deploy.sandbox.gateway.store import Object, dumped
from deploy.sandbox.gateway.work import Office, Work
from deploy.sandbox.kit.postman import PostError, Postman
from deploy.sandbox.kit.retrying import backoff, timed_signature

AT_ONCE = 32
GIVE_UP_SECONDS = 3 * 24 * 3600.0
ANSWER_WITHIN_SECONDS = 10.0
STALE_SECONDS = 3600

log = logging.getLogger(__name__)


@dataclass
class Deliveries:
    """Sends what the queue owes: `run` as long as the server lives."""

    office: Office
    busy: set[int] = field(default_factory=set)
    postman: Postman = field(default_factory=lambda: Postman(ANSWER_WITHIN_SECONDS))

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self.office.deliveries_due.clear()
                    free = AT_ONCE - len(self.busy)
                    rows = self.office.queue.due_deliveries(self.office.clock(), self.busy, free) if free > 0 else []
                    for row in rows:
                        self.busy.add(row["id"])
                        tasks.create_task(self.deliver(row))
                    await self._rest()
        finally:
            self.postman.close()

    async def _rest(self) -> None:
        """Until the next delivery is due or something wakes us; all hands busy, until one is free."""
        due = self.office.queue.next_delivery(self.busy) if len(self.busy) < AT_ONCE else None
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self.office.clock())):
                await self.office.deliveries_due.wait()
        except TimeoutError:
            return

    async def send_now(self, work: Work) -> None:
        """Send what a transaction owes while its caller is still waiting (fault webhook_before_response)."""
        rows = [self.office.queue.delivery(identifier) for identifier in work.deliveries]
        mine = [row for row in rows if row["state"] == "pending" and row["id"] not in self.busy]
        self.busy.update(row["id"] for row in mine)
        for row in mine:
            await self.deliver(row)

    async def deliver(self, row: sqlite3.Row) -> None:
        """One attempt, and what follows from it."""
        try:
            event = self.office.store.get("event", row["event"])
            endpoint = self.office.store.find("webhook_endpoint", row["endpoint"])
            if endpoint is None:
                self.office.queue.change_delivery(row["id"], state="cancelled", done_at=self.office.clock())
                return
            body = row["payload"] or dumped(self._told(event))
            status, error = await self._post(endpoint, row["oddity"], body.encode())
            self._record(row, status, error)
        finally:
            self.busy.discard(row["id"])
            self.office.deliveries_due.set()

    def _told(self, event: Object) -> Object:
        return event | {"pending_webhooks": max(1, self.office.queue.pending_webhooks(event["id"]))}

    def _record(self, row: sqlite3.Row, status: int | None, error: str | None) -> None:
        now, attempts = self.office.clock(), row["attempts"] + 1
        state, due_at = "pending", now + backoff(self.office.settings.retry_seconds, row["attempts"])
        if status is not None and 200 <= status < 300:
            state = "delivered"
        elif row["oddity"] not in (None, "duplicate"):
            state = "refused"
        elif now - row["created_at"] > GIVE_UP_SECONDS:
            state = "abandoned"
        self.office.queue.change_delivery(
            row["id"], state=state, attempts=attempts, due_at=due_at, last_status=status, last_error=error,
            done_at=None if state == "pending" else now,
        )  # fmt: skip

    async def _post(self, endpoint: Object, oddity: str | None, body: bytes) -> tuple[int | None, str | None]:
        """(status answered, what kept it from being answered). Signed by the wall clock, which receivers compare."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "motcua-sandbox-gateway/1.0",
        }
        if oddity != "unsigned":
            at = int(time.time()) - (STALE_SECONDS if oddity == "stale" else 0)
            headers["Stripe-Signature"] = timed_signature(
                "whsec_stolen" if oddity == "forged" else endpoint["_secret"], body, at
            )
        try:
            return await self.postman.post(endpoint["url"], headers, body), None
        except PostError as failure:
            log.info("webhook to %s not delivered: %s", endpoint["id"], failure)
            return None, str(failure)
