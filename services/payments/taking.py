"""Money that is taken without a page of ours: a page that stands is closed first, so that the same is never paid twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chassis.errors import Refusal
from chassis.once import Once
from chassis.work import Prepare, Work
from services.payments import store
from services.payments.domain.messages import CancelCheckout

CLOSING_SECONDS = 8.0


class PageStands(Exception):
    """A page is being closed: the same again a little later."""


async def take(work: Work, key: str, asked: Once, prepare: Prepare, respond: Callable[[Any], Any]) -> Any:
    """Answer what `prepare` names (PayElsewhere, or nothing where it was answered before), once for each key.

    While a page stands nothing is decided and nothing is kept under the key: the page is closed, and PageStands raised
    when that takes longer. Raises Refusal as the decider does.
    """

    def answered(states: Sequence[Any]) -> Any:
        # Nothing to do, or the page of this bill is only being closed: not paid, so no answer to keep.
        if any(state is None or state.state != "paid" for state in states):
            raise PageStands
        return respond(states[0] if states else None)

    for _ in range(2):
        try:
            return await work.send_once(asked, prepare, answered)
        except PageStands:
            await _close(work, key)
    raise PageStands


async def _close(work: Work, key: str) -> None:
    """Close the page, so that it can no longer be paid. Money that comes in meanwhile is heard of the next time."""
    try:
        await work.send(store.bills.aggregate, key, CancelCheckout(), CLOSING_SECONDS)
    except Refusal as refusal:
        if refusal.code != "illegal_move":
            raise
