"""Alerts speak of metrics that there are, and of pages that tell what to do."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from chassis.metrics import Metrics
from services.payments.adapters.gateways import Gateways
from services.payments.ring_metrics import RingMetrics
from services.payments.unexplained import Unexplained

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "payments.rules.yml"


def names() -> set[str]:
    """Every metric that payments measures."""
    registry, unexplained = CollectorRegistry(), Unexplained(["stripe"])
    unexplained._open = {}
    for collector in (Gateways([], []).health, *RingMetrics().collectors, unexplained):
        registry.register(collector)
    return {metric.name for source in (registry, Metrics().registry) for metric in source.collect()}


def test_each_alert_speaks_of_metrics_that_there_are() -> None:
    known = names()
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    asked = {name for group in groups for rule in group["rules"] for name in re.findall(r"motcua_\w+", rule["expr"])}
    assert len(asked) >= 5
    assert asked - known == set()


def test_each_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]
