"""Alerts tell of trouble, of nothing else, and name pages that tell what to do.

That they speak of metrics that there are is tried beside the running services.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from chassis.metrics import Metrics
from services.payments.ring_metrics import RingMetrics
from tests.alerts import RULES, alerts, firing, rules

ROOT = RULES.parents[1]
EVERY = sorted(path.name.removesuffix(".rules.yml") for path in RULES.iterdir())
CONSUMER = "payments.dossiers"


@pytest.mark.parametrize("of", EVERY)
def test_each_alert_is_of_a_form_that_tests_can_hold_against_metrics(of: str) -> None:
    assert len(alerts(of)) >= 6


@pytest.mark.parametrize("of", EVERY)
def test_each_alert_says_how_urgent_it_is_and_what_to_do_in_a_page_that_knows_its_metric(of: str) -> None:
    for rule in rules(of):
        told = rule["annotations"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert " · " in told["summary"], "both languages"
        assert alerts(of)[rule["alert"]][0].metric in (ROOT / told["runbook"]).read_text("utf-8"), rule["alert"]


def flowing() -> Metrics:
    """The metrics of a service through which events flow."""
    metrics = Metrics()
    for gauge in (metrics.paused, metrics.oldest_parked, metrics.standing):
        gauge.labels(CONSUMER).set(0)
    for state in ("parked", "held"):
        metrics.parked_open.labels(CONSUMER, state).set(0)
    metrics.consumed.labels(CONSUMER, "applied").inc(7)
    metrics.lag.labels(CONSUMER, 0).set(3)
    metrics.lag.labels(CONSUMER, 1).set(0)
    return metrics


def test_nothing_is_told_of_while_events_flow() -> None:
    assert firing(generate_latest(flowing().registry).decode(), "message-path") == {}


def lags(metrics: Metrics, records: float) -> None:
    for partition in (0, 1):
        metrics.lag.labels(CONSUMER, partition).set(records)


TROUBLES: dict[str, tuple[str, Callable[[Metrics], None]]] = {
    "EventsNotPublished": ("", lambda metrics: metrics.oldest_outbox.set(61)),
    "ConsumerAbsent": (CONSUMER, lambda metrics: metrics.lag.clear()),
    "ConsumerStands": (CONSUMER, lambda metrics: metrics.consumed.clear()),
    "ConsumerBehind": (CONSUMER, lambda metrics: lags(metrics, 6_000)),
    "ConsumerPaused": (CONSUMER, lambda metrics: metrics.paused.labels(CONSUMER).set(1)),
    "PartitionUnreadable": (CONSUMER, lambda metrics: metrics.standing.labels(CONSUMER).set(1)),
    "RecordsParked": (CONSUMER, lambda metrics: metrics.oldest_parked.labels(CONSUMER).set(301)),
    "CallUnanswered": ("", lambda metrics: metrics.oldest_call.set(3_601)),
}


@pytest.mark.parametrize("alert", alerts("message-path"))
def test_trouble_on_the_way_of_events_is_told_of_by_its_own_alert_alone(alert: str) -> None:
    """By the label of its consumer, or of the service that Prometheus adds."""
    whose, happens = TROUBLES[alert]
    metrics = flowing()
    happens(metrics)
    assert firing(generate_latest(metrics.registry).decode(), "message-path") == {alert: {whose}}


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
