"""What happens in the gateway by itself, in time: sessions expire, banks decide, refunds arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from deploy.sandbox.gateway import charges, checkout, payments, refunds
from deploy.sandbox.gateway.keys import KEYS_KEPT_SECONDS
from deploy.sandbox.gateway.queue import Timer
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Office, Work

SWEEP_SECONDS = 3600.0


def _intent(change: Callable[[Work, Object], None]) -> Callable[[Work, str], None]:
    """A timer of a PaymentIntent: its session, if it has one, follows it."""

    def handle(work: Work, identifier: str) -> None:
        intent = work.store.get("payment_intent", identifier)
        change(work, intent)
        checkout.follow(work, intent)

    return handle


HANDLERS: dict[str, Callable[[Work, str], None]] = {
    "charge.balance": charges.enter_balance,
    "intent.capture_late": _intent(payments.capture_late),
    "intent.settle": _intent(payments.settle),
    "refund.settle": refunds.settle,
    "session.expire": checkout.expire_in_time,
}


def fire(office: Office, timer: Timer) -> None:
    """One timer, ended in the transaction of what it does."""

    def step(work: Work) -> None:
        work.queue.end_timer(timer.id)
        HANDLERS[timer.name](work, timer.object)

    office.run(step)


def fire_due(office: Office) -> int:
    """Every timer that is due now; gives their number."""
    due = office.queue.due_timers(office.clock())
    for timer in due:
        fire(office, timer)
    return len(due)


async def run(office: Office) -> None:
    """Fire timers as they fall due, as long as the server lives, and forget what idempotency keys no longer need."""
    queue, sweep_at = office.queue, 0.0
    while True:
        queue.timers_due.clear()
        more = fire_due(office)
        if office.clock() >= sweep_at:
            office.store.forget_answers(int(office.clock()) - KEYS_KEPT_SECONDS)
            sweep_at = office.clock() + SWEEP_SECONDS
        queue.timers_rest_until = 0.0 if more else min(sweep_at, queue.next_timer() or sweep_at)
        try:
            async with asyncio.timeout(max(0.0, queue.timers_rest_until - office.clock())):
                await queue.timers_due.wait()
        except TimeoutError:
            continue
