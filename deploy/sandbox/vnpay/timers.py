"""What happens by itself, in time: pages expire, banks decide on refunds, late captures arrive."""

from __future__ import annotations

import asyncio
import contextlib

from deploy.sandbox.vnpay.office import Office


def fire_due(office: Office) -> None:
    """Every timer that is due now, each ended in the transaction of what it does."""
    does = {
        "expire": office.expire,
        "capture_late": office.capture_late,
        "settle_refund": office.settle_refund,
        "return_refund": office.return_refund,
    }
    for timer in office.store.due_timers(office.clock()):
        with office.store.transaction():
            office.store.end_timer(timer["id"])
            does[timer["what"]](timer["subject"])
        office.notices_due.set()


async def run(office: Office) -> None:
    """Fire timers as they fall due, as long as the server lives."""
    while True:
        office.awake.clear()
        fire_due(office)
        due = office.store.next_timer()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - office.clock())):
                await office.awake.wait()
