"""Which alerts of deploy/prometheus fire over metrics as a process shows them; how long they must hold is left out.

What a counter has grown by is what it shows: as for a process that began with the time that is looked at.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

RULES = Path(__file__).resolve().parents[1] / "deploy" / "prometheus"
_TERM = re.compile(
    r"(max|min|sum)(?: by \((\w+)\) ?)?\((?:increase\()?(\w+)(?:\{(\w+)=(~?)\"([^\"]+)\"\})?(?:\[\w+\]\))?\) (>=|>|==) (\d+)"
)
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {">": operator.gt, ">=": operator.ge, "==": operator.eq}
# Which process shows a metric is added by Prometheus: here all that is given counts as one.
_BY_PROMETHEUS = ("job",)


@dataclass(frozen=True)
class Term:
    """The greatest, least or sum of a metric, by a label, compared with a number.

    The rules are made of these, joined by "or"; or of two, joined by "unless".
    """

    aggregate: str
    by: str
    metric: str
    label: str
    pattern: str
    comparison: str
    bound: float

    @classmethod
    def of(cls, text: str) -> Term:
        """Raises ValueError for another form, of which this knows nothing."""
        found = _TERM.fullmatch(text)
        if found is None:
            raise ValueError(f"a form that is not known here: {text}")
        aggregate, by, metric, label, like, value, comparison, bound = found.groups()
        return cls(
            aggregate,
            by or "",
            metric,
            label or "",
            value if like else re.escape(value or ""),
            comparison,
            float(bound),
        )

    def seen(self, text: str) -> dict[str, float]:
        """What it compares, by label; empty where no such metric is shown."""
        values = defaultdict[str, list[float]](list)
        for labels, value in shown(text, self.metric):
            if (not self.label or re.fullmatch(self.pattern, labels.get(self.label, ""))) and (
                not self.by or self.by in labels or self.by in _BY_PROMETHEUS
            ):
                values[labels.get(self.by, "")].append(value)
        aggregates: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum}
        aggregate = aggregates[self.aggregate]
        return {name: aggregate(each) for name, each in values.items()}

    def fires(self, text: str) -> set[str]:
        """The labels of which it is true."""
        compared = _COMPARISONS[self.comparison]
        return {name for name, value in self.seen(text).items() if compared(value, self.bound)}


def shown(text: str, metric: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """The labels and values of a metric in what /metrics answers."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric:
                yield sample.labels, sample.value


def by_label(text: str, metric: str) -> dict[str, float]:
    """The values of a metric that has one label."""
    return {value: number for labels, number in shown(text, metric) for value in labels.values()}


def alerts(of: str = "payments") -> dict[str, list[Term]]:
    """The terms of each alert in the rules of that name."""
    return {
        name: [Term.of(term) for term in re.split(" or | unless ", expr)] for name, expr in _expressions(of).items()
    }


def firing(text: str, of: str = "payments") -> dict[str, set[str]]:
    """The alerts that fire, and of what."""
    every = {name: _fires(expr, text) for name, expr in _expressions(of).items()}
    return {name: labels for name, labels in every.items() if labels}


def rules(of: str) -> Iterator[Mapping[str, Any]]:
    """The rules of that name as they are written."""
    for group in yaml.safe_load((RULES / f"{of}.rules.yml").read_text("utf-8"))["groups"]:
        yield from group["rules"]


def _expressions(of: str) -> dict[str, str]:
    return {rule["alert"]: " ".join(rule["expr"].split()) for rule in rules(of)}


def _fires(expr: str, text: str) -> set[str]:
    terms, _, unless = expr.partition(" unless ")
    fires = set[str]().union(*(Term.of(term).fires(text) for term in terms.split(" or ")))
    return fires - Term.of(unless).fires(text) if unless else fires
