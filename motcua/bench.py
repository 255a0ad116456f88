"""`motcua bench`: what the message path does on this machine, beside the textbook's service."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from deploy.local.child import StackError

app = typer.Typer(add_completion=False)
WRITTEN = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Chỉ đo những phần này (tên lạ: in ra mọi tên) · only these (an unknown name: lists all)."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Số lượng nhỏ, chỉ để thử · small counts, to try.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Ghi docs/benchmarks.md · write it (all, not quick).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")] = False,
) -> None:
    """Đo tốc độ đường đi của sự kiện · measure the message path. Exit code 1 when a run was not valid."""
    progress, begin = Console(stderr=True, highlight=False), time.monotonic()
    if find_spec("tests") is None or find_spec("tests.bench") is None:
        progress.print(
            "Thiếu thư mục tests/: chạy trong bản mã nguồn đầy đủ · there is no tests/ here: run in a full checkout"
        )
        raise typer.Exit(1)
    if write and (quick or names):
        progress.print("--write đo tất cả: bỏ tên và --quick · --write measures all: leave out names and --quick")
        raise typer.Exit(2)
    from tests.bench import machine, report, suite
    from tests.bench.gate import Invalid

    if unknown := sorted(set(names or ()) - suite.MEASURES.keys()):
        known = ", ".join(suite.MEASURES)
        progress.print(f"Không có · there is no {', '.join(unknown)}; có · there are {known}", soft_wrap=True)
        raise typer.Exit(2)

    def say(text: str) -> None:
        progress.print(f"{time.monotonic() - begin:4.0f} s  {text}", soft_wrap=True, markup=False)

    # Topics and groups come and go here, and each client says so.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asked = names or list(suite.MEASURES)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            told = runner.run(suite.measured(asked, suite.QUICK if quick else suite.FULL, say))
    except (Invalid, StackError) as error:
        progress.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    if write:
        WRITTEN.write_text(report.document(told, machine.machine(), machine.versions()), "utf-8")
        say(f"đã ghi · written: {WRITTEN}")
    print(json.dumps(told) if as_json else report.tables(told))
