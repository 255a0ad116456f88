"""Delivery receipts: posted, signed, and tried again until the client answers 2xx, over restarts too."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import utc_time
from deploy.sandbox.kit.retrying import backoff
from deploy.sandbox.sms.store import Receipt, Store

if TYPE_CHECKING:
    from httpcore import AsyncConnectionPool

AT_ONCE = 8
BATCH = 100
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
ANSWER_WITHIN_SECONDS = 5.0

log = logging.getLogger(__name__)


def signature(secret: str, body: bytes, now: float) -> str:
    """`t=…,v1=…`: the hexadecimal HMAC-SHA256 of "t.body", so that neither body nor time can be changed."""
    at = str(int(now))
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def connection() -> AsyncConnectionPool:
    """One kept connection to whoever takes the receipts."""
    # Imported at the first receipt: it would be a third of the time the server takes to start.
    from httpcore import AsyncConnectionPool

    return AsyncConnectionPool(max_connections=1)


@dataclass
class Receipts:
    """Delivers what the store owes, `run` for as long as the server lives. `busy` receipts are waiting or on their way."""

    store: Store
    faults: Faults
    url: str
    secret: str
    busy: set[str] = field(default_factory=set)
    waiting: asyncio.Queue[Receipt] = field(default_factory=asyncio.Queue)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    sleeps_until: float = 0.0
    failing: bool = False

    async def run(self) -> None:
        """Hand what is due to the workers, a batch at a time, and sleep until more is due."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())
            while True:
                self.awake.clear()
                if self.waiting.empty():
                    for receipt in self.store.owed(time.time(), BATCH, self.busy):
                        self.busy.add(receipt.message_id)
                        self.waiting.put_nowait(receipt)
                await self._sleep()

    def expect(self, due_at: float) -> None:
        """A receipt will be due then: wake up in time."""
        if due_at < self.sleeps_until:
            self.awake.set()

    async def _sleep(self) -> None:
        """Until the batch is taken; then until the next receipt is due."""
        due = None if self.waiting.qsize() else self.store.next_due(self.busy)
        self.sleeps_until = math.inf if due is None else due
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - time.time())):
                await self.awake.wait()

    async def _work(self) -> None:
        """Deliver one receipt after the other over one connection."""
        receipt = await self.waiting.get()
        async with connection() as client:
            while True:
                if self.waiting.empty():
                    self.awake.set()
                await self.deliver(receipt, client)
                receipt = await self.waiting.get()

    async def deliver(self, receipt: Receipt, client: AsyncConnectionPool) -> None:
        """Settle the message, post its receipt once (or not at all, or twice, where a fault says so)."""
        self.busy.add(receipt.message_id)
        try:
            settled_at = self.store.settle(receipt, time.time())
            if self.faults.fires("receipt_lost"):
                answer, accepted = "lost", True
            else:
                answer, accepted = await self._post(receipt, settled_at, client)
                if accepted and self.faults.fires("receipt_duplicated"):
                    await self._post(receipt, settled_at, client)
            now = time.time()
            due_at = None if accepted else now + backoff(FIRST_RETRY_SECONDS, receipt.attempts, LONGEST_RETRY_SECONDS)
            self.store.record_attempt(receipt.message_id, answer, due_at, now)
        finally:
            self.busy.discard(receipt.message_id)
        self.expect(math.inf if due_at is None else due_at)

    async def _post(self, receipt: Receipt, settled_at: float, client: AsyncConnectionPool) -> tuple[str, bool]:
        """(what the client answered, is the receipt accepted)."""
        # Not at the top of the module, see `connection`.
        from httpcore import NetworkError, ProtocolError, TimeoutException

        body = json.dumps(
            {
                "id": receipt.message_id,
                "reference": receipt.reference,
                "state": receipt.state,
                "at": utc_time(settled_at),
            }
        ).encode()
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "X-Signature": signature(self.secret, body, time.time()),
        }
        limits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_WITHIN_SECONDS)
        try:
            response = await client.request(
                "POST", self.url, headers=headers, content=body, extensions={"timeout": limits}
            )
        except (NetworkError, ProtocolError, TimeoutException) as error:
            answer, accepted = type(error).__name__, False
        else:
            answer, accepted = str(response.status), 200 <= response.status < 300
        self._tell(answer, accepted)
        return answer, accepted

    def _tell(self, answer: str, accepted: bool) -> None:
        """One line when receipts are no longer taken, one when they are again."""
        if accepted == self.failing:
            self.failing = not accepted
            log.warning("receipts to %s %s: %s", self.url, "are taken again" if accepted else "are not taken", answer)
