"""What each benchmark has to show: its tables, charts and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.bench.markdown import chart, table

Told = Mapping[str, Any]


def _hop(told: Told) -> list[str]:
    headline = told["shape"]
    # Each way, and how many times as many events it takes as the textbook, in one process where nothing else is said.
    compared = {
        "one process": (told["shapes"]["one process"], told["ratio_one_process"]),
        "roles (the headline)": (told["shapes"][headline], told["ratio"]),
        "roles, beside the textbook in two processes": (told["shapes"][headline], told["ratio_two_processes"]),
        "roles, all traces recorded": (told["all_traces_recorded"], told["ratio_all_traces_recorded"]),
        "textbook in one process": (told["textbook"]["one process"], ""),
        "textbook in two processes": (told["textbook"][headline], ""),
    }
    ways = {name: each for name, (each, _) in compared.items() if "beside" not in name}
    rates = table(
        ("", "events/s", "each repetition", "times the textbook"),
        [(name, each["events_per_s"], _each(each), ratio) for name, (each, ratio) in compared.items()],
    )
    drawn = chart("Events a second", list(ways), "events/s", [each["events_per_s"] for each in ways.values()])
    where = table(
        ("processor µs an event", "by part", "together"),
        [(name, _parts(each), f"{sum(each['processor_us'].values()):.1f}") for name, each in ways.items()],
    )
    return [rates, drawn, where, _where(ways["roles (the headline)"]["processor_us"])]


def _where(processor_us: Mapping[str, float]) -> str:
    """Where the headline's time goes, in a sentence."""
    servers = {"kafka": "Kafka", "postgres": "PostgreSQL"}
    whole, shares = sum(processor_us.values()), {"the service's Python": 0.0}
    for part, used in processor_us.items():
        name = servers.get(part, "the service's Python")
        shares[name] = shares.get(name, 0.0) + used / whole
    told = ", ".join(f"{name} {share:.0%}" for name, share in sorted(shares.items(), key=lambda each: -each[1]))
    return f"An event takes {whole:.1f} µs of processors in all: {told}. A core cannot do more than {1e6 / whole:,.0f} a second."


def _relay(told: Told) -> list[str]:
    row = (told["events_per_s"], _each(told), told["rows"], _parts(told))
    return [table(("", "rows/s", "each repetition", "rows", "processor µs a row"), [("relay", *row)])]


def _backlog(told: Told) -> list[str]:
    columns = {
        "rows": "rows",
        "rows/s": "events_per_s",
        "in the first tenth": "first_tenth_events_per_s",
        "in the last tenth": "last_tenth_events_per_s",
        "peak resident MB": "peak_resident_mb",
    }
    return [table(("", *columns), [("backlog", *(told[key] for key in columns.values()))])]


def _latency(told: Told) -> list[str]:
    loads = told["by_load"]
    rows = [(load, each["events_per_s"], each["p50"], each["p99"]) for load, each in loads.items()]
    lines = [[each[key] for each in loads.values()] for key in ("p50", "p99")]
    return [
        table(("load", "events/s", "p50 ms", "p99 ms"), rows),
        chart("p50 and p99 by load", list(loads), "ms", *lines, kind="line"),
    ]


def _rebuild(told: Told) -> list[str]:
    row = (told["events_per_s"], _each(told), told["events"], told["dossiers"], _parts(told))
    head = ("", "events/s", "each repetition", "events", "dossiers", "processor µs an event")
    return [table(head, [("status.dossiers", *row)])]


def _growth(told: Told) -> list[str]:
    head = ("rows of history", "µs an event", "ratio", "processor µs an event", "ratio of these")
    keys = ("us_per_event", "ratio", "processor_us_per_event", "processor_ratio")
    history = told["history"]
    rows = [(int(rows), *(each[key] for key in keys)) for rows, each in history.items()]
    names = [f"{int(rows):,}" for rows in history]
    costs = [each["us_per_event"] for each in history.values()]
    return [table(head, rows), chart("Cost of an event by history", names, "µs", costs)]


def _desk_list(told: Told) -> list[str]:
    rows = [(name, each["p50_ms"], each["p99_ms"]) for name, each in told["questions"].items()]
    return [table(("", "p50 ms", "p99 ms"), [("all", told["p50_ms"], told["p99_ms"]), *rows])]


def _in_turns(of: str, told: Told) -> list[str]:
    """So many `of` these a second, ours and the textbook's."""
    sides, latencies = {"ours": told, "textbook": told["textbook"]}, [name for name in _LATENCIES if name in told]
    ratios = {"ours": told["ratio"], "textbook": ""}
    rates = [(name, round(side["per_s"]), _each(side), ratios[name]) for name, side in sides.items()]
    waits = [
        (name, round(side["latency_at_per_s"]), *(side[each] for each in latencies)) for name, side in sides.items()
    ]
    costs = [(name, _parts(side), round(sum(side["processor_us"].values()))) for name, side in sides.items()]
    return [
        table(("", f"{of}/s", "each repetition", "times the textbook"), rates),
        table(("latency", f"at {of}/s", *(_LATENCIES[each] for each in latencies)), waits),
        table(("processor µs for each", "by part", "together"), costs),
    ]


_LATENCIES = {
    "answer_p50_ms": "answered p50 ms",
    "answer_p99_ms": "answered p99 ms",
    "p50_ms": "committed p50 ms",
    "p99_ms": "committed p99 ms",
}


def _deadlines(told: Told) -> list[str]:
    cases = {"every date moves": told["all_moved_s"], "none does": told["none_moved_s"]}
    rows = [(words, seconds, round(seconds * 1e6 / told["dossiers"])) for words, seconds in cases.items()]
    return [table((f"{told['dossiers']:,} open dossiers", "seconds", "µs a dossier"), rows)]


def _reconcile(told: Told) -> list[str]:
    row = (told["payments"], told["seconds"], told["statement_seconds"], told["dossiers_seconds"])
    found = (told["healed"], told["raised"], _parts(told))
    return [
        table(("", "payments", "seconds", "statement and ledger", "dossiers and bills"), [("a day", *row)]),
        table(("", "payments healed", "differences raised", "processor µs a payment"), [("a day", *found)]),
    ]


SECTIONS: Mapping[str, Callable[[Told], list[str]]] = {
    "hop": _hop,
    "relay": _relay,
    "backlog": _backlog,
    "latency_ms": _latency,
    "rebuild": _rebuild,
    "growth": _growth,
    "intake_submit": partial(_in_turns, "dossiers"),
    "deadlines": _deadlines,
    "desk_list": _desk_list,
    "payments_webhooks": partial(_in_turns, "webhooks"),
    "payments_reconcile": _reconcile,
}


def _each(told: Told) -> str:
    return " · ".join(f"{rate:,}" for rate in told["each"])


def _parts(told: Told) -> str:
    return ", ".join(f"{name} {used}" for name, used in told["processor_us"].items())
