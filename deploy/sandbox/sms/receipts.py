"""Delivery receipts: posted, signed, and tried again until the client answers 2xx, over restarts too."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import utc_time
from deploy.sandbox.sms.store import Receipt, Store

if TYPE_CHECKING:
    from httpcore import AsyncConnectionPool

AT_ONCE = 16
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
ANSWER_WITHIN_SECONDS = 5.0

log = logging.getLogger(__name__)


def signature(secret: str, body: bytes, now: float) -> str:
    """`t=…,v1=…`: the hexadecimal HMAC-SHA256 of "t.body", so that neither body nor time can be changed."""
    at = str(int(now))
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def backoff(attempts: int) -> float:
    """Seconds until the next try: doubling up to a bound, spread so that receipts do not march in step."""
    longest: float = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 16))
    return random.uniform(longest / 2, longest)  # noqa: S311


@dataclass
class Receipts:
    """Delivers what the store owes. `run` for as long as the server lives; `wake` it when there is something new."""

    store: Store
    faults: Faults
    url: str
    secret: str
    busy: set[str] = field(default_factory=set)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    pool: AsyncConnectionPool | None = None

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as deliveries:
                while True:
                    self.awake.clear()
                    free = AT_ONCE - len(self.busy)
                    for receipt in self.store.owed(time.time(), free, self.busy) if free else []:
                        self.busy.add(receipt.message_id)
                        deliveries.create_task(self.deliver(receipt))
                    await self._sleep()
        finally:
            if self.pool is not None:
                await self.pool.aclose()

    async def _sleep(self) -> None:
        """Until the next receipt is due, or something wakes us; all hands busy, until one is free."""
        due = self.store.next_due(self.busy) if len(self.busy) < AT_ONCE else None
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - time.time())):
                await self.awake.wait()
        except TimeoutError:
            return

    async def deliver(self, receipt: Receipt) -> None:
        """Settle the message, post its receipt once (or not at all, or twice, where a fault says so)."""
        self.busy.add(receipt.message_id)
        try:
            settled_at = self.store.settle(receipt, time.time())
            if self.faults.fires("receipt_lost"):
                answer, accepted = "lost", True
            else:
                answer, accepted = await self._post(receipt, settled_at)
                if accepted and self.faults.fires("receipt_duplicated"):
                    await self._post(receipt, settled_at)
            now = time.time()
            due_at = None if accepted else now + backoff(receipt.attempts)
            self.store.record_attempt(receipt.message_id, answer, due_at, now)
        finally:
            self.busy.discard(receipt.message_id)
            self.awake.set()

    async def _post(self, receipt: Receipt, settled_at: float) -> tuple[str, bool]:
        """(what the client answered, is the receipt accepted)."""
        # Imported at the first receipt: it would be a third of the time the server takes to start.
        from httpcore import AsyncConnectionPool, NetworkError, ProtocolError, TimeoutException

        if self.pool is None:
            self.pool = AsyncConnectionPool(max_connections=AT_ONCE, retries=0)
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
            response = await self.pool.request(
                "POST", self.url, headers=headers, content=body, extensions={"timeout": limits}
            )
        except (NetworkError, ProtocolError, TimeoutException) as error:
            log.warning("receipt of message %s not delivered: %r", receipt.message_id, error)
            return type(error).__name__, False
        return str(response.status), 200 <= response.status < 300
