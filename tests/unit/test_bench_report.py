"""What the benchmarks say of their figures."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from motcua import bench
from tests.bench import report, suite
from tests.bench.gate import Invalid, agree
from tests.bench.latency import Result, _percentiles, _rate
from tests.bench.timed import Run, summary

PARTS = {"events_per_s": 15_000, "each": [14_000, 15_000, 16_000], "processor_us": {"consumers": 40.5, "kafka": 10.0}}
BESIDE = {"us_per_event": 66.0, "processor_us_per_event": 90.0, "ratio": 1.0, "processor_ratio": 1.0}
TOLD = {
    "hop": {
        "events_per_s": 15_000,
        "textbook_events_per_s": 300,
        "ratio": 50.0,
        "ratio_two_processes": 49.0,
        "ratio_one_process": 98.5,
        "ratio_all_traces_recorded": 47.5,
        "shape": "roles",
        "shapes": {"one process": PARTS, "roles": PARTS},
        "textbook": {"one process": {**PARTS, "events_per_s": 152}, "roles": {**PARTS, "events_per_s": 300}},
        "all_traces_recorded": PARTS,
    },
    "relay": {**PARTS, "rows": 200_000},
    "backlog": {
        "rows": 1_000_000,
        "events_per_s": 40_000,
        "first_tenth_events_per_s": 39_000,
        "last_tenth_events_per_s": 41_000,
        "peak_resident_mb": 120.5,
    },
    "latency_ms": {
        "by_load": {load: {"events_per_s": 1_500, "p50": 9.5, "p99": 20.0} for load in ("10%", "50%", "90%")}
    },
    "rebuild": {**PARTS, "events": 84_000, "dossiers": 12_000},
    "growth": {"ratio": 1.0, "history": {"10000": BESIDE, "5000000": BESIDE}},
    "desk_list": {"p50_ms": 1.5, "p99_ms": 9.5, "dossiers": 9, "questions": {"late": {"p50_ms": 1.0, "p99_ms": 2.0}}},
}


def test_the_page_has_a_section_for_each_benchmark_with_its_figures_the_machine_and_no_date() -> None:
    page = report.document(TOLD, {"cores": "2"}, {"Kafka": "4.3.1"})
    assert page.count("\n## ") == len(TOLD) + 1
    for figure in ("| cores | 2 |", "| Kafka | 4.3.1 |", "| 50.0 |", "| 98.5 |", "| 47.5 |", "120.5", "5,000,000"):
        assert figure in page
    for beside in ("textbook in one process | 152 |", "textbook in two processes | 300 |", "nothing is pruned"):
        assert beside in page
    assert page.count("```mermaid") == 3
    assert re.search(r"\b20[23]\d-\d\d|\b20[23]\d\b", page) is None


def test_in_a_terminal_only_what_was_measured_is_shown() -> None:
    shown = report.tables({"relay": TOLD["relay"]})
    assert "15,000" in shown
    assert "Latency" not in shown


def test_a_rate_is_of_the_middle_of_a_run_and_summaries_are_medians() -> None:
    # A second of warming up, 100 a second, and two seconds for the last ten of a hundred.
    seen = [(0.0, 0), (1.0, 15), (1.75, 90), (3.75, 100)]
    runs = [Run(seen, {"relay": used}, {}) for used in (1.0, 9.0, 2.0)]
    assert runs[0].per_second() == 100
    assert runs[0].per_second(0.9, 1) == 5
    assert summary(runs) == {"events_per_s": 100, "each": [100] * 3, "processor_us": {"relay": 2.0}}


def test_latency_counts_from_when_an_event_was_due_and_leaves_out_the_warming_up() -> None:
    late = [Result(number / 100, number / 100 + (5.0 if number < 30 else 0.25)) for number in range(1_000)]
    p50, p99 = _percentiles(late, 10.0)
    assert p50 == pytest.approx(250)
    assert p99 == pytest.approx(250)
    assert _rate([Result(0, number / 100) for number in range(1_000)], 10.0) == pytest.approx(100)


def test_what_differs_is_named_and_where_all_agrees_there_is_no_error() -> None:
    agree({"a": 1}, {"a": 1})
    with pytest.raises(Invalid, match=r"a: None ≠ 1, b: 2 ≠ None"):
        agree({"a": 1}, {"b": 2})


def test_a_run_that_was_not_valid_prints_no_figure_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(*told: object) -> None:
        raise Invalid("không hợp lệ")

    monkeypatch.setattr(suite, "measured", measured)
    result = CliRunner().invoke(bench.app, ["hop", "--json"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "không hợp lệ" in result.stderr


def test_a_page_of_a_part_is_refused() -> None:
    assert CliRunner().invoke(bench.app, ["hop", "--write"]).exit_code == 2
    assert CliRunner().invoke(bench.app, ["--quick", "--write"]).exit_code == 2


def test_the_names_of_the_command_are_those_of_the_suite() -> None:
    assert tuple(name.value for name in bench.Name) == suite.NAMES
