"""What was measured, told in Markdown: `docs/benchmarks.md`, and the same tables in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.bench import prose

Told = Mapping[str, Any]


def document(told: Told, machine: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The whole page; `told` is what `suite.measured` answers, of any benchmarks."""
    parts = [prose.HEAD, table(("machine", ""), machine.items()), table(("version", ""), versions.items())]
    for name, section in SECTIONS.items():
        if name in told:
            parts += [f"## {prose.TITLES[name]}", *section(told[name]), prose.NOTES[name]]
    return "\n\n".join([*parts, prose.TAIL]) + "\n"


def tables(told: Told) -> str:
    """The sections' tables alone."""
    shown = [
        "\n\n".join([prose.TITLES[name], *(part for part in section(told[name]) if part.startswith("|"))])
        for name, section in SECTIONS.items()
        if name in told
    ]
    return "\n\n".join(shown)


def table(head: Sequence[str], rows: Any) -> str:
    """Columns after the first are figures, and stand at the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(_text(cell) for cell in line)} |" for line in lines)


def chart(title: str, axis: Sequence[str], unit: str, *lines: Sequence[float], kind: str = "bar") -> str:
    """A Mermaid chart of one or more lines over the same axis."""
    names = ", ".join(f'"{name}"' for name in axis)
    drawn = [f"    {kind} [{', '.join(f'{value:g}' for value in line)}]" for line in lines]
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            f'    title "{title}"',
            f"    x-axis [{names}]",
            f'    y-axis "{unit}" 0 --> {1.1 * max(max(line) for line in lines):.0f}',
            *drawn,
            "```",
        ]
    )


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


SECTIONS: Mapping[str, Callable[[Told], list[str]]] = {
    "hop": _hop,
    "relay": _relay,
    "backlog": _backlog,
    "latency_ms": _latency,
    "rebuild": _rebuild,
    "growth": _growth,
    "desk_list": _desk_list,
}


def _each(told: Told) -> str:
    return " · ".join(f"{rate:,}" for rate in told["each"])


def _parts(told: Told) -> str:
    return ", ".join(f"{name} {used}" for name, used in told["processor_us"].items())


def _text(cell: Any) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
