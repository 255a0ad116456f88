"""What the benchmarks say of their figures."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from motcua import bench
from tests.bench import prose, report, sections, suite
from tests.bench.gate import Invalid, agree
from tests.bench.latency import Result, _percentiles, _rate
from tests.bench.timed import Run, summary
from tests.bench.turns import Figures, Side, in_turns

PARTS = {"events_per_s": 15_000, "each": [14_000, 15_000, 16_000], "processor_us": {"consumers": 40.5, "kafka": 10.0}}
BESIDE = {"us_per_event": 66.0, "processor_us_per_event": 90.0, "ratio": 1.0, "processor_ratio": 1.0}
FILED = {
    "per_s": 742,
    "each": [740, 744],
    "latency_at_per_s": 400,
    "p50_ms": 7.5,
    "p99_ms": 31.5,
    "processor_us": {"api": 900},
}
RUNG = {**FILED, "per_s": 1_234, "answer_p50_ms": 2.5, "answer_p99_ms": 8.5}
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
    "intake_submit": {**FILED, "textbook": {**FILED, "per_s": 212}, "ratio": 3.5},
    "deadlines": {"dossiers": 100_000, "all_moved_s": 48.0, "none_moved_s": 2.5},
    "desk_list": {"p50_ms": 1.5, "p99_ms": 9.5, "dossiers": 9, "questions": {"late": {"p50_ms": 1.0, "p99_ms": 2.0}}},
    "payments_webhooks": {**RUNG, "textbook": {**RUNG, "per_s": 345, "latency_at_per_s": 100}, "ratio": 3.6},
    "payments_reconcile": {
        "payments": 100_000,
        "seconds": 41.5,
        "statement_seconds": 33.0,
        "dossiers_seconds": 8.5,
        "healed": 1_000,
        "raised": 13,
        "processor_us": {"payments": 250},
    },
}


def test_the_page_has_a_section_for_each_benchmark_with_its_figures_the_machine_and_no_date() -> None:
    page = report.document(TOLD, {"cores": "2"}, {"Kafka": "4.3.1"})
    assert page.count("\n## ") == len(TOLD) + 1
    for figure in ("| cores | 2 |", "| Kafka | 4.3.1 |", "| 50.0 |", "| 98.5 |", "| 47.5 |", "120.5", "5,000,000"):
        assert figure in page
    for beside in ("| ours | 742 | 740 · 744 | 3.5 |", "| textbook | 212 |", "| ours | 1,234 |", "| textbook | 345 |"):
        assert beside in page
    assert "| ours | 400 | 2.5 | 8.5 | 7.5 | 31.5 |\n| textbook | 100 |" in page
    for once in ("| every date moves | 48.0 | 480 |", "| a day | 100,000 | 41.5 | 33.0 | 8.5 |"):
        assert once in page
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


def test_a_benchmark_that_is_unknown_is_refused_and_all_are_named() -> None:
    result = CliRunner().invoke(bench.app, ["hop", "speed"])
    assert result.exit_code == 2
    assert "there is no speed" in result.stderr
    assert ", ".join(suite.MEASURES) in result.stderr


def test_every_benchmark_has_its_section_title_and_note() -> None:
    names = {"latency_ms" if name == "latency" else name for name in suite.MEASURES}
    assert sections.SECTIONS.keys() == prose.TITLES.keys() == prose.NOTES.keys() == names == TOLD.keys()


async def test_sides_take_turns_and_the_ratio_is_of_their_medians() -> None:
    asked, speeds = list[str](), {"ours": iter([300.0, 900.0, 330.0]), "textbook": iter([100.0, 110.0, 90.0])}

    def side(name: str) -> Side:
        async def run(turn: str) -> Figures:
            asked.append(f"{name} {turn}")
            return {"per_s": next(speeds[name]), "processor_us": {"api": len(asked)}}

        return run

    told = await in_turns(3, side("ours"), side("textbook"))
    assert asked == [f"{name} {number}/3" for number in (1, 2, 3) for name in ("ours", "textbook")]
    assert (told["per_s"], told["textbook"]["per_s"], told["ratio"]) == (330, 100, 3.3)
    assert (told["each"], told["processor_us"]) == ([300, 900, 330], {"api": 3})
