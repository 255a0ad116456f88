"""`motcua chaos`: whole journeys on a stack of their own while it is killed, frozen, cut off and lied to."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from deploy.local.child import StackError
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset

app = typer.Typer(add_completion=False)


@app.command()
def chaos(
    journeys: Annotated[int, typer.Option(min=1, help="Số hành trình · how many journeys.")] = 1000,
    seed: Annotated[int, typer.Option(help="Chọn lỗi nào, lúc nào · chooses the faults.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Giữ lại dữ liệu · keep the data folder.")] = False,
) -> None:
    """Đi trọn các hành trình giữa lúc hệ thống gặp lỗi; mã thoát 1 khi có gì sai · exit code 1 when anything is off."""
    progress = Console(stderr=True, highlight=False)
    if find_spec("tests") is None or find_spec("tests.chaos") is None:
        progress.print(
            "Thiếu thư mục tests/: chạy trong bản mã nguồn đầy đủ · there is no tests/ here: run in a full checkout"
        )
        raise typer.Exit(1)
    from tests.chaos.run import run

    # A broker that is away is what the suite is about.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    data, begin = Path(tempfile.mkdtemp(prefix="motcua-chaos-")), time.monotonic()

    def say(text: str) -> None:
        progress.print(f"{time.monotonic() - begin:4.0f} s  {text}", soft_wrap=True)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(
                run(Layout(data, Layout.from_environment().offset or free_offset()), journeys, seed, say)
            )
    except StackError as error:
        progress.print(str(error))
        raise typer.Exit(1) from None
    for reason in (*result.remarks, *result.verdict.in_doubt, *result.verdict.reasons()):
        progress.print(reason, soft_wrap=True)
    if result.green and not keep:
        shutil.rmtree(data, ignore_errors=True)
    else:
        progress.print(f"dữ liệu, nhật ký · data and logs: {data}")
    print(
        json.dumps(result.told()) if as_json else "\n".join(f"{key}: {value}" for key, value in result.told().items())
    )
    raise typer.Exit(0 if result.green else 1)
