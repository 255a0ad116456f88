"""Alerts name pages that tell what to do. That they speak of metrics that there are is tried beside the running service."""

from __future__ import annotations

import yaml
from prometheus_client import CollectorRegistry, generate_latest

from services.payments.ring_metrics import RingMetrics
from tests.alerts import RULES, alerts, firing

ROOT = RULES.parents[2]


def test_each_alert_is_of_a_form_that_tests_can_hold_against_metrics() -> None:
    assert len(alerts()) >= 6


def test_each_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]


def test_a_gateway_whose_webhooks_are_all_refused_is_told_of_and_one_that_is_rung_for_by_others_is_not() -> None:
    """A few forged ones beside those that are taken are nobody's trouble."""
    metrics, registry = RingMetrics(), CollectorRegistry()
    registry.register(metrics.heard)
    metrics.hears(["stripe", "vnpay", "vietqr"])
    for name in ("stripe", "vnpay"):
        metrics.heard.labels(name, "refused").inc(3)
    metrics.heard.labels("vietqr", "refused").inc(2)
    metrics.heard.labels("vnpay", "copy").inc()
    assert firing(generate_latest(registry).decode()) == {"WebhooksRefused": {"stripe"}}
