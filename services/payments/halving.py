"""Many messages at once, where one may be wrong: found by halves, it holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.aggregate import Aggregate
from chassis.answering import Answering
from chassis.decider import Message
from chassis.errors import is_passing, takes_too_long


async def each_of(
    answering: Answering, aggregate: Aggregate[Any], messages: Sequence[tuple[str, Message]]
) -> list[Any]:
    """What `answering.many` answers; in the place of a message that cannot be decided on, its error.

    Raises passing trouble: then the same may well succeed later.
    """
    try:
        return await answering.many(aggregate, messages)
    except Exception as error:
        if is_passing(error) and not (takes_too_long(error) and len(messages) > 1):
            raise
        if len(messages) == 1:
            return [error]
    half = len(messages) // 2
    first = await each_of(answering, aggregate, messages[:half])
    return [*first, *await each_of(answering, aggregate, messages[half:])]
