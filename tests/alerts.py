"""Which alerts of deploy/prometheus fire over metrics as a process shows them; how long they must hold is left out.

What a counter has grown by is what it shows: as for a process that began with the time that is looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

RULES = Path(__file__).resolve().parents[1] / "deploy" / "prometheus" / "payments.rules.yml"
_TERM = re.compile(
    r"(max|min|sum)(?: by \((\w+)\) ?)?\((?:increase\()?(\w+)(?:\{(\w+)=(~?)\"([^\"]+)\"\})?(?:\[\w+\]\))?\) (>|==) (\d+)"
)


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
                not self.by or self.by in labels
            ):
                values[labels.get(self.by, "")].append(value)
        aggregates: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum}
        aggregate = aggregates[self.aggregate]
        return {name: aggregate(each) for name, each in values.items()}

    def fires(self, text: str) -> set[str]:
        """The labels of which it is true."""
        return {
            name
            for name, value in self.seen(text).items()
            if (value > self.bound if self.comparison == ">" else value == self.bound)
        }


def shown(text: str, metric: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """The labels and values of a metric in what /metrics answers."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric:
                yield sample.labels, sample.value


def by_label(text: str, metric: str) -> dict[str, float]:
    """The values of a metric that has one label."""
    return {value: number for labels, number in shown(text, metric) for value in labels.values()}


def alerts() -> dict[str, list[Term]]:
    """The terms of each alert."""
    return {name: [Term.of(term) for term in re.split(" or | unless ", expr)] for name, expr in _expressions().items()}


def firing(text: str) -> dict[str, set[str]]:
    """The alerts that fire, and of what."""
    every = {name: _fires(expr, text) for name, expr in _expressions().items()}
    return {name: labels for name, labels in every.items() if labels}


def _expressions() -> dict[str, str]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: " ".join(rule["expr"].split()) for group in groups for rule in group["rules"]}


def _fires(expr: str, text: str) -> set[str]:
    terms, _, unless = expr.partition(" unless ")
    fires = set[str]().union(*(Term.of(term).fires(text) for term in terms.split(" or ")))
    return fires - Term.of(unless).fires(text) if unless else fires
