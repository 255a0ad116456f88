"""Parked records for people and for programs. What a stranger wrote is shown escaped: it never steers a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chassis.clock import VIETNAM
from motcua.parked_orders import Progress
from motcua.parked_records import Shown, header, headers_of, trace_id

WIDTH_IN_A_FILE = 200
_MOST_CHARACTERS, _MOST_BEHIND = 4000, 10

_STATES = {
    "parked": "lỗi, chặn khóa · heads its key",
    "held": "chờ sau · held",
    "redriven": "đã làm lại · redriven",
    "duplicate": "đã có hiệu lực từ trước · duplicate",
    "discarded": "đã bỏ · discarded",
    "failed": "lại lỗi · failed again",
    "gone": "đã đóng từ trước · was closed before",
    "withdrawn": "đã rút · withdrawn",
    None: "đang chờ · waits",
}
_ACTIONS = {"redrive": "làm lại · redrive", "discard": "bỏ · discard"}


def console(error: bool = False) -> Console:
    """A console that folds nothing in a file."""
    made = Console(stderr=error, highlight=False)
    if not made.is_terminal:
        made.width = WIDTH_IN_A_FILE
    return made


def printable(text: str, keep: str = "") -> str:
    """The text with everything escaped that is no visible character, except those in `keep`."""
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
    )


def when(moment: datetime | None) -> str:
    """In Vietnam's time."""
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def place_of(row: Any) -> str:
    return f"{row['partition']}/{row['offset']}"


def counts(out: Console, rows: Sequence[Any]) -> None:
    """How much there is of what, the most first."""
    table = Table(box=None)
    for name in (
        "số · records",
        "consumer",
        "topic",
        "trạng thái · state",
        "từ · oldest",
        "đến · newest",
        "lỗi · error",
    ):
        table.add_column(name, overflow="fold")
    for row in rows:
        times = when(row["oldest"]), when(row["newest"])
        _add(
            table, str(row["records"]), row["consumer"], row["topic"], _STATES[row["state"]], *times, row["error"] or ""
        )
    out.print(table)


def records(out: Console, rows: Sequence[Any], with_behind: bool = False) -> None:
    table = Table(box=None)
    names = (
        "nơi · place",
        "consumer",
        "khóa · key",
        "trạng thái · state",
        "lúc · parked at",
        "lần · tries",
        "lỗi · error",
    )
    for name in (*names, "sau nó · behind") if with_behind else names:
        table.add_column(name, overflow="fold")
    for row in rows:
        error = "" if row["state"] == "held" else row["error"] or ""
        more = (str(row["behind"]),) if with_behind else ()
        state = _STATES[row["state"]]
        _add(
            table,
            place_of(row),
            row["consumer"],
            row["key"],
            state,
            when(row["parked_at"]),
            str(row["tries"]),
            error,
            *more,
        )
    out.print(table)


def whole(out: Console, shown: Shown, sealed: Mapping[str, bool]) -> None:
    """Everything about one record. A sealed topic's value stays sealed, and so does one of an unknown topic."""
    row = shown.row
    facts = Table(show_header=False, box=None)
    for name, value in (
        ("nơi · place", f"{row['topic']} {place_of(row)}"),
        ("consumer", row["consumer"]),
        ("khóa · key", row["key"]),
        ("trạng thái · state", _STATES[row["state"]]),
        ("lỗi · error", row["error"] or ""),
        ("lúc · parked at", when(row["parked_at"])),
        ("đóng lúc · closed at", when(row["closed_at"])),
        ("lần lỗi · tries", f"{row['tries']}"),
        ("không thử trước · not before", when(row["retry_at"])),
        ("sự kiện · event", f"{header(row, 'ce_type') or '?'} {header(row, 'ce_id') or '?'}"),
        ("dấu vết · trace", trace_id(row) or ""),
    ):
        if value:
            _add(facts, name, value)
    for name, raw in headers_of(row):
        _add(facts, f"  {name}", "(null)" if raw is None else raw.decode(errors="backslashreplace"))
    out.print(facts)
    out.print(Text(value_of(row, sealed)))
    if shown.behind:
        places = ", ".join(place_of(each) for each in shown.behind[:_MOST_BEHIND])
        more = "…" if len(shown.behind) > _MOST_BEHIND else ""
        out.print(Text(f"chờ sau nó · held behind it: {len(shown.behind)} ({places}{more})"))
    for order in shown.orders:
        words = (
            f"{when(order['ordered_at'])} {_ACTIONS[order['action']]} — {order['ordered_by']} ({order['login']})"
            f" “{order['reason']}”: {_STATES[order['outcome']]} {when(order['done_at'])} {order['note'] or ''}"
        )
        out.print(Text(printable(words)))
    out.print()


def value_of(row: Any, sealed: Mapping[str, bool]) -> str:
    """A record's value as far as it is text; JSON is laid out. `sealed` says of each known topic whether it is sealed."""
    value: bytes | None = row["value"]
    if value is None:
        return "(không có giá trị · no value)"
    if sealed.get(row["topic"], True) or header(row, "content-type") == "application/jose":
        return f"(không hiện, {len(value)} byte: chủ đề niêm phong hoặc lạ · not shown: a sealed or an unknown topic)"
    text = value.decode(errors="backslashreplace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    cut = f"… ({len(text)})" if len(text) > _MOST_CHARACTERS else ""
    return printable(text[:_MOST_CHARACTERS], keep="\n") + cut


def outcomes(out: Console, seen: Progress) -> None:
    """What became of the orders, and what did not end as it should."""
    words = [f"{number} {_STATES[outcome]}" for outcome, number in seen.outcomes.most_common()]
    waiting = len(seen.rows) - seen.done
    out.print(Text("; ".join([*words, *([f"{waiting} {_STATES[None]}"] if waiting else [])])))
    for row in seen.otherwise:
        out.print(
            Text(printable(f"  {row['consumer']} {place_of(row)}: {_STATES[row['outcome']]} {row['note'] or ''}"))
        )
    if seen.open:
        out.print(Text(f"Còn mở ở các khóa này · still open in these keys: {seen.open}"))


def as_json(row: Any) -> dict[str, Any]:
    """A record without its value."""
    same = ("consumer", "topic", "partition", "offset", "key", "state", "error", "tries")
    return {
        **{name: row[name] for name in same},
        "parked_at": row["parked_at"].isoformat(),
        "closed_at": row["closed_at"].isoformat() if row["closed_at"] else None,
        "not_before": row["retry_at"].isoformat() if row["retry_at"] else None,
        "event_id": header(row, "ce_id"),
        "event_type": header(row, "ce_type"),
        "trace_id": trace_id(row),
    }


def order_as_json(row: Any) -> dict[str, Any]:
    names = ("id", "action", "consumer", "topic", "partition", "offset", "outcome", "note")
    return {name: str(row[name]) if name == "id" else row[name] for name in names}


def counts_as_json(row: Any) -> dict[str, Any]:
    times = {name: row[name].isoformat() for name in ("oldest", "newest")}
    return {**{name: row[name] for name in ("consumer", "topic", "state", "error", "records")}, **times}


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(printable(cell)) for cell in cells))
