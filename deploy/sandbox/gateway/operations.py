"""An operation of the API: where it is, what it accepts, what does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.gateway.parameters import Check, Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work


@dataclass(frozen=True)
class Failed:
    """It was tried and it failed, so it is kept: an error object that is answered with 402."""

    error: dict[str, Any]


Handle = Callable[[Work, Values, str], "Object | Failed"]


@dataclass(frozen=True)
class Operation:
    """`handle(work, values, id)` gets parameters that passed `accepts`; id is empty where the path has none."""

    method: str
    path: str
    handle: Handle
    accepts: Mapping[str, Check]
    required: tuple[str, ...] = ()
