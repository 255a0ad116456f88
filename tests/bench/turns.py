"""Ours and the textbook's take turns, so that a slow moment of the machine is nobody's alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Any

Figures = Mapping[str, Any]
Side = Callable[[str], Awaitable[Figures]]
"""One run, told which repetition of how many it is; its figures, with `per_s` among them."""


async def in_turns(repetitions: int, ours: Side, textbook: Side) -> dict[str, Any]:
    """The medians of our runs; beside them those of the `textbook`, and how many times as many a second ours are."""
    names = [f"{number}/{repetitions}" for number in range(1, repetitions + 1)]
    runs = [(await ours(name), await textbook(name)) for name in names]
    our_runs, textbook_runs = [each for each, _ in runs], [each for _, each in runs]
    return {
        **summary(our_runs),
        "ratio": round(_median(our_runs, "per_s") / _median(textbook_runs, "per_s"), 1),
        "textbook": summary(textbook_runs),
        "repetitions": repetitions,
    }


def summary(runs: Sequence[Figures]) -> dict[str, Any]:
    """The median of each figure, those by part too; and `each` repetition's `per_s`."""
    figures = {name: _middle([run[name] for run in runs]) for name in runs[0]}
    return {**figures, "each": [round(run["per_s"]) for run in runs]}


def _middle(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Mapping):
        return {part: _middle([value[part] for value in values]) for part in values[0]}
    found = median(values)
    return round(found) if found >= 100 else round(found, 1)


def _median(runs: Sequence[Figures], name: str) -> float:
    return float(median(run[name] for run in runs))
