"""Alerts name pages that tell what to do. That they speak of metrics that there are is tried beside the running service."""

from __future__ import annotations

import yaml

from tests.alerts import RULES, alerts

ROOT = RULES.parents[2]


def test_each_alert_is_of_a_form_that_tests_can_hold_against_metrics() -> None:
    assert len(alerts()) >= 6


def test_each_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]
