"""`make mistakes [ONLY='Outbox/*']`: each mistake, put into a copy of the code, must turn its tests red."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

from tests.mistakes.mistake import ROOT, EditError, Mistake
from tests.mistakes.table import CANNOT, MISTAKES

_TEST_SECONDS = 150  # a mistake often shows as something that never comes
_LONGEST_REASON = 120


def main() -> int:
    parser = argparse.ArgumentParser(description="Put each mistake into a copy of the code: its tests must turn red.")
    parser.add_argument("--only", default="*", help="mistakes by MODEL/NAME, with * as a wildcard")
    only = parser.parse_args().only
    chosen = [each for each in MISTAKES if any(fnmatchcase(run, only) for run in each.runs)]
    if not chosen:
        print(f"Không có lỗi nào tên như {only}: xem tests/mistakes · no mistake of that name", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(f"{'lỗi · mistake':<28} {'thấy · seen':<14} {'giây':>5}  kiểm thử · tests", flush=True)
    if wrong := _without_any(chosen):
        return wrong
    wrong = sum(not _is_seen(mistake) for mistake in chosen)
    if only == "*":
        for run, reason in CANNOT.items():
            print(f"{run:<28} {'không thể':<14} {'':>5}  cannot: {reason}")
    print(f"{len(chosen)} lỗi · mistakes, {wrong} không bị bắt · not seen, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _without_any(chosen: Sequence[Mistake]) -> int:
    """1 when a test is red already, and 0 when all are green as they must be."""
    tests, began = sorted({test for mistake in chosen for test in mistake.tests}), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="motcua-mistakes-") as folder:
        found = _outcomes(_copy(Path(folder)), tests)
    not_green = [test for test in tests if found[test].outcome != "green"]
    seconds = time.monotonic() - began
    print(
        f"{'(không có lỗi · none)':<28} {'RED' if not_green else 'green':<14} {seconds:>5.0f}  {len(tests)}", flush=True
    )
    for test in not_green:
        print(f"  {found[test].outcome}: {test} {_short(found[test].reason)}", file=sys.stderr)
    return 1 if not_green else 0


@dataclass(frozen=True)
class Found:
    """What became of a test, and why.

    "green", "red" (it failed in the words that were expected), "otherwise" (in other words), "broken" (it could not begin)
    or "missing".
    """

    outcome: str
    reason: str = ""


def _is_seen(mistake: Mistake) -> bool:
    """Put one mistake in, run its tests, and say whether each of them is red for the harm that is expected."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="motcua-mistakes-") as folder:
        tree = _copy(Path(folder))
        for edit in mistake.edits:
            edit.apply(tree)
        found = _outcomes(tree, mistake.tests, mistake.words)
    seen = all(each.outcome == "red" for each in found.values())
    shown = "red" if seen else "KHÔNG · " + ",".join(sorted({each.outcome for each in found.values()}))
    for number, (test, each) in enumerate(found.items()):
        head = f"{'' if number else mistake.name:<28} {shown:<14} {time.monotonic() - began:>5.0f}"
        print(f"{head}  {test.split('::')[1]}\n{'':<50} {_short(each.reason)}", flush=True)
        if each.outcome == "otherwise":
            print(f"{'':<50} ≠ {mistake.words}", flush=True)
    return seen


def _copy(folder: Path) -> Path:
    """The files of the project as they are now, without what is ignored."""
    tree = folder / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    return tree


def _outcomes(tree: Path, tests: Sequence[str], words: str = "") -> dict[str, Found]:
    """Run the tests in this tree; what became of each, where a failure must say these words."""
    report = tree.parent / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", f"--timeout={_TEST_SECONDS}", *tests]
    # This tree's code before that of the environment, and no byte code of another tree's.
    told = {**os.environ, "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": str(tree.parent / "bytecode")}
    done = subprocess.run(command, cwd=tree, env=told, capture_output=True, text=True, check=False)
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    found = {
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": _found(case, words) for case in cases
    }
    outcomes = {test: _of(test, found) for test in tests}
    if any(each.outcome in ("broken", "missing") for each in outcomes.values()):
        print((done.stdout + done.stderr)[-3_000:], file=sys.stderr)
    return outcomes


def _found(case: ElementTree.Element, words: str) -> Found:
    if (failure := case.find("failure")) is not None:
        reason = failure.get("message") or ""
        return Found("red" if re.search(words, reason) else "otherwise", reason)
    return Found("green" if case.find("error") is None and case.find("skipped") is None else "broken")


def _of(test: str, found: dict[str, Found]) -> Found:
    """Of a test with several parameters: red when it is red with one of them."""
    of_it = [each for name, each in found.items() if name == test or name.startswith(f"{test}[")]
    ranked = sorted(of_it, key=lambda each: ("broken", "red", "otherwise", "green").index(each.outcome))
    return ranked[0] if ranked else Found("missing")


def _short(reason: str) -> str:
    return reason.splitlines()[0][:_LONGEST_REASON] if reason else ""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EditError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
