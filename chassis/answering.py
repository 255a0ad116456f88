"""Messages to aggregates, answered by a service's deciders inside the caller's transaction or in one of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import stamina

from chassis.aggregate import Aggregate
from chassis.decider import Decide, Decides, Decision, Message
from chassis.errors import NotFound, Refusal, is_passing, was_rolled_back
from chassis.fold import Group, Inbound, Outcome, Voice, fold, lock
from chassis.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class To:
    """A message for one aggregate."""

    aggregate: Aggregate[Any]
    key: str
    message: Message


Beside = Callable[[Connection, Sequence[Any]], Awaitable[None]]
"""What is done in the transaction of many messages; it is told what became of each: the state after it or its Refusal."""


class Answering:
    """A service's deciders, by aggregate and message."""

    def __init__(self, pool: Pool, voice: Voice, decides: Sequence[Decides]) -> None:
        self._pool, self._voice = pool, voice
        self._decides = {each.aggregate.name: each for each in decides}

    async def one(self, connection: Connection, to: To) -> list[Decision[Any]]:
        """The decisions on one message, written in the caller's transaction. Raises what the decider raises."""
        inbound = Inbound(to.key, to.message, self._decider(to.aggregate, to.message))
        (outcome,) = await fold(self._voice, connection, to.aggregate, [Group(to.key, [inbound])])
        if outcome.error is not None:
            raise outcome.error
        return [decision for _, decision in outcome.decisions]

    async def many(
        self, aggregate: Aggregate[Any], messages: Sequence[tuple[str, Message]], beside: Beside | None = None
    ) -> list[Any]:
        """Answer a message for each of many aggregates, in one transaction and a handful of statements.

        Answers, for each in its order, the state after it or the Refusal of that one alone; keys do not repeat. `beside`
        is done after the messages, in the same transaction, and told these answers.
        """
        committing = False

        def again(error: Exception) -> bool:
            # After a commit that went unheard every message would be refused as done before, though it was done now.
            return was_rolled_back(error) or (not committing and may_pass_soon(error))

        async for attempt in attempts(again):
            with attempt:
                committing = False
                async with self._pool.acquire() as connection, connection.transaction():
                    after = await self.each(connection, aggregate, messages)
                    if beside is not None:
                        await beside(connection, after)
                    committing = True
        return after

    async def each(
        self, connection: Connection, aggregate: Aggregate[Any], messages: Sequence[tuple[str, Message]]
    ) -> list[Any]:
        """Like `many`, in the caller's transaction."""
        groups = [
            Group(str(place), [Inbound(key, message, self._decider(aggregate, message))])
            for place, (key, message) in enumerate(messages)
        ]
        states = await lock(connection, aggregate, groups)
        outcomes = await fold(self._voice, connection, aggregate, groups, states)
        return [_after(outcome, states.get(key)) for (key, _), outcome in zip(messages, outcomes, strict=True)]

    async def all(self, connection: Connection, sent: Sequence[tuple[To, str | None]]) -> list[Any]:
        """The states after these messages, each with the trace that it continues, written in the caller's transaction.

        Aggregates of one kind are answered together, kinds in the order in which they first come. A Remark stands for
        itself, None for a message to which there was nothing to do. Raises what a decider raises.
        """
        after: list[Any] = [None] * len(sent)
        for name in dict.fromkeys(to.aggregate.name for to, _ in sent):
            places = [place for place, (to, _) in enumerate(sent) if to.aggregate.name == name]
            groups = [
                Group(str(place), [Inbound(to.key, to.message, self._decider(to.aggregate, to.message), traceparent)])
                for place, (to, traceparent) in ((place, sent[place]) for place in places)
            ]
            outcomes = await fold(self._voice, connection, sent[places[0]][0].aggregate, groups)
            for place, outcome in zip(places, outcomes, strict=True):
                if outcome.error is not None:
                    raise outcome.error
                after[place] = outcome.answer
        return after

    def _decider(self, aggregate: Aggregate[Any], message: Message) -> Decide:
        decide = self._decides[aggregate.name].decider(type(message))
        if decide is None:
            raise LookupError(f"{aggregate.name} has no decider for {type(message).__name__}")
        return decide


def _after(outcome: Outcome, before: Any) -> Any:
    """The state after a message, or its Refusal. Raises any other error."""
    if outcome.error is not None and not isinstance(outcome.error, Refusal):
        raise outcome.error
    state = outcome.decisions[-1][1].state if outcome.decisions else before
    return outcome.error or state or NotFound("Không tìm thấy.", "Not found.")


def may_pass_soon(error: Exception) -> bool:
    """Races, deadlocks, a lost session; a database that is away is not waited for."""
    return is_passing(error) and not isinstance(error, OSError | TimeoutError)


def attempts(on: Callable[[Exception], bool]) -> Any:
    """Up to five attempts within five seconds, while `on` says of the error that the same may well succeed."""
    return stamina.retry_context(on=on, attempts=5, timeout=5.0, wait_initial=0.02, wait_max=0.3, wait_jitter=0.05)
