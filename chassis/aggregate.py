"""How states of one kind are read and written: always many at once, by SQL that stands in a service's store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from chassis.errors import Conflict
from chassis.postgres import Connection

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """One kind of aggregate.

    `key` and `subject` name fields of the model: what it is found by, and whom its events are about.
    `load`  selects rows for `$1::text[]` of keys, ordered by key, `for update`; its columns are the model's fields.
    `save`  statements that each take `$1::jsonb`, an array of states. The first one upserts, and leaves a row alone
            unless its version is the state's version - 1: that is how a race is noticed.
    `notes` statements that each take `$1::jsonb`, an array of what deciders want written down; after the states.
    `one_trace`  whether its whole life is one trace, or each message goes on with the trace that it came from.
    """

    name: str
    key: str
    subject: str
    model: type[S]
    load: str
    save: tuple[str, ...]
    one_trace: bool = True
    notes: tuple[str, ...] = ()

    async def load_many(self, connection: Connection, keys: Sequence[str]) -> dict[str, S]:
        """The states that exist, by key, locked in the order of keys."""
        rows = await connection.fetch(self.load, sorted(set(keys)))
        return {str(row[self.key]): self.model.model_validate(dict(row)) for row in rows}

    async def save_many(self, connection: Connection, states: dict[str, Any]) -> None:
        """Write the states in key order. Raises Conflict when another transaction was first."""
        ordered = [states[key] for key in sorted(states)]
        document = _array_of(self.model).dump_json(ordered).decode()
        written = await connection.execute(self.save[0], document)
        if int(written.rsplit(" ", 1)[1]) != len(ordered):
            raise Conflict(f"{self.name}: changed by another transaction")
        for statement in self.save[1:]:
            await connection.execute(statement, document)


@cache
def _array_of(model: type[BaseModel]) -> TypeAdapter[list[BaseModel]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]
