"""`make model [ONLY='Outbox/*'] [DEEP=1]`: run the model checker over all runs, or over some, two at a time."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from tests.model.checker import Checked, check
from tests.model.runs import Run, RunsError, listed

AT_ONCE = 2
_HEAD = f"{'mô hình/lượt · run':<28} {'mong đợi · expected':<20} {'thấy · seen':<22} {'trạng thái':>10} {'giây':>5}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the models: designs hold, mistakes are caught.")
    parser.add_argument(
        "--only",
        default="*",
        help="runs by MODEL/NAME, with * as a wildcard; one that is named whole prints its counter-example",
    )
    parser.add_argument("--deep", action="store_true", help="larger bounds too: a quarter of an hour more, 8 GB")
    told = parser.parse_args()
    found = [run for run in listed() if fnmatchcase(run.name, told.only)]
    runs = [run for run in found if told.deep or run.name == told.only or not run.is_deep]
    if not runs:
        print(f"Không có lượt nào tên như {told.only}: xem docs/model/runs.txt · no run of that name", file=sys.stderr)
        return 2
    return _check_all(runs, show_examples="*" not in told.only)


def _check_all(runs: Sequence[Run], show_examples: bool) -> int:
    console, began, wrong = Console(highlight=False, soft_wrap=True), time.monotonic(), 0
    console.print(_HEAD)
    with tempfile.TemporaryDirectory(prefix="motcua-model-") as folder:
        for batch, at_once in (([r for r in runs if not r.is_deep], AT_ONCE), ([r for r in runs if r.is_deep], 1)):
            with _progress(console) as progress, ThreadPoolExecutor(at_once) as pool:
                bar = progress.add_task("", total=len(batch))
                futures = [pool.submit(check, run, Path(folder) / run.name.replace("/", "-")) for run in batch]
                try:
                    for future in as_completed(futures):
                        checked = future.result()
                        wrong += not checked.as_expected
                        console.print(_line(checked), markup=False)
                        if show_examples or not checked.as_expected:
                            console.print(checked.story, markup=False)
                        progress.advance(bar)
                finally:
                    pool.shutdown(cancel_futures=True)
    console.print(f"{len(runs)} lượt · runs, {wrong} sai · wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _progress(console: Console) -> Progress:
    columns = (*Progress.get_default_columns()[1:3], TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _line(checked: Checked) -> str:
    run = checked.run
    seen = checked.seen if checked.as_expected else f"{checked.seen} — SAI · WRONG"
    return f"{run.name:<28} {run.expected:<20} {seen:<22} {checked.states:>10,} {checked.seconds:>5.0f}"


if __name__ == "__main__":
    try:
        code = main()
    except RunsError as error:
        print(error, file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    # Threads that wait for a checker would keep the process after Ctrl-C; the checkers have heard it themselves.
    os._exit(code)
