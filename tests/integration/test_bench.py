"""The benchmarks give figures only for work that was done, and every one of them still runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.bench import growth, hop, intake_submit, payments_webhooks, rebuild, relay, suite, timed
from tests.bench.gate import Invalid
from tests.bench.ground import Ground, Store, standing
from tests.bench.meters import TOTALS
from tests.bench.payments_pages import AMOUNT, template
from tests.bench.readings import Coded, fill

EVENTS = 3_000


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with standing() as ground:
        yield ground


@pytest.fixture(scope="module")
async def store(ground: Ground) -> AsyncIterator[Store]:
    async with ground.meters() as store:
        yield store


async def _with_a_stray_total(options: dict[str, Any], lanes: Sequence[Sequence[Coded]], topic: str) -> None:
    """The readings, and one record in the topic of totals that no service has said."""
    await fill(options, lanes, topic)
    await fill(options, [lanes[0][:1]], TOTALS)


def quietly(text: str) -> None:
    """Nobody looks at the progress."""


def test_the_command_prints_the_figures_that_were_asked_for_as_json() -> None:
    command = [sys.executable, "-m", "motcua", "bench", "hop", "relay", "latency", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == {"hop", "relay", "latency_ms"}
    measured = told["hop"]
    assert measured["shapes"].keys() == measured["textbook"].keys() == {"one process", "roles"}
    assert measured["events_per_s"] == measured["shapes"]["roles"]["events_per_s"]
    assert measured["textbook_events_per_s"] == measured["textbook"]["one process"]["events_per_s"]
    for ratio, ours, shape in (
        ("ratio", measured["shapes"]["roles"], "one process"),
        ("ratio_two_processes", measured["shapes"]["roles"], "roles"),
        ("ratio_one_process", measured["shapes"]["one process"], "one process"),
        ("ratio_all_traces_recorded", measured["all_traces_recorded"], "one process"),
    ):
        # Figures are told in whole events, and a slow textbook's are few.
        textbook = measured["textbook"][shape]["events_per_s"]
        least, most = (ours["events_per_s"] / (textbook + half) for half in (0.5, -0.5))
        assert least - 0.1 <= measured[ratio] <= most + 0.1
    assert told["relay"]["events_per_s"] > 0
    assert told["latency_ms"]["by_load"].keys() == {"10%", "50%", "90%"}
    assert all(0 < each["p50"] <= each["p99"] for each in told["latency_ms"]["by_load"].values())
    assert "hop 1/1" in done.stderr


async def test_a_service_that_does_not_keep_one_total_in_a_hundred_gets_no_figure(ground: Ground, store: Store) -> None:
    with pytest.raises(Invalid, match=r"không hợp lệ.*G09\.20-20260609"):
        await hop.hop(ground, store, EVENTS, hop.SHAPES["one process"], fold="adds nothing")


async def test_a_service_that_does_not_publish_one_total_in_a_hundred_gets_no_figure(
    ground: Ground, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed, "STALL_SECONDS", 5.0)
    with pytest.raises(Invalid, match=rf"dừng lại ở 29\d\d/{EVENTS}"):
        await hop.hop(ground, store, EVENTS, hop.SHAPES["one process"], fold="says nothing")


async def test_a_record_too_many_in_kafka_gets_no_figure(
    ground: Ground, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop, "fill", _with_a_stray_total)
    with pytest.raises(Invalid, match=f"records in Kafka: {EVENTS + 1} ≠ {EVENTS}"):
        await hop.hop(ground, store, EVENTS, hop.SHAPES["one process"])


async def test_a_record_too_many_from_the_textbook_gets_no_figure_but_its_last_commit_is_waited_for(
    ground: Ground, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the stray record, as many as are expected are in Kafka before the textbook has taken its last one."""
    monkeypatch.setattr(hop, "fill", _with_a_stray_total)
    with pytest.raises(Invalid, match=r"figure is given: records in Kafka: 151 ≠ 150$"):
        await hop.textbook(ground, store, 150)


async def test_the_benchmarks_that_take_long_run_with_small_counts(ground: Ground, store: Store) -> None:
    sizes = replace(suite.QUICK, backlog_rows=5_000, dossiers=300, histories=(100, 2_500, 5_000), growth_events=EVENTS)
    drained = await relay.backlog(ground, store, sizes.backlog_rows, quietly)
    assert drained["rows"] == sizes.backlog_rows
    assert min(drained.values()) > 0
    views = await rebuild.measure(ground, sizes.dossiers, 1, quietly)
    assert views["events"] == sizes.dossiers * len(rebuild.JOURNEY)
    grown = await growth.measure(ground, sizes.histories, sizes.growth_events, 1, quietly)
    assert [int(rows) for rows in grown["history"]] == list(sizes.histories)
    assert grown["ratio"] == max(each["ratio"] for each in grown["history"].values())
    assert grown["history"]["100"]["ratio"] == 1


def test_webhooks_are_measured_beside_the_textbook_by_the_command() -> None:
    command = [sys.executable, "-m", "motcua", "bench", "payments_webhooks", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["payments_webhooks"]
    assert told["ratio"] == pytest.approx(told["per_s"] / told["textbook"]["per_s"], rel=0.02, abs=0.1)
    for side, names in ((told, {"payments api", "payments timers"}), (told["textbook"], {"textbook-0", "textbook-1"})):
        # Answers and commits are seen by two processes: which sees its half sooner is the machine's affair.
        assert 0 < side["answer_p50_ms"] <= side["answer_p99_ms"]
        assert 0 < side["p50_ms"] <= side["p99_ms"]
        assert side["processor_us"].keys() == names | {"postgres"}
        assert all(side["processor_us"][name] > 0 for name in names)


async def test_a_bill_that_is_not_paid_as_asked_gives_no_figure(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments_webhooks, "AMOUNT", AMOUNT - 1)
    with pytest.raises(Invalid, match="đồng at the gateway"):
        await payments_webhooks.run(ground, payments_webhooks.OURS, 20, await template(ground.folder))


async def test_a_dossier_that_somebody_was_answered_and_that_is_not_there_gives_no_figure(ground: Ground) -> None:
    async with ground.fresh("intake") as store:
        with pytest.raises(Invalid, match="answers kept: 0 ≠ 1, dossiers: 0 ≠ 1"):
            await intake_submit.all_filed(store, 1)
