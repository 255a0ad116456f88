"""`make` prepares its own environment, or says in one line what is missing; the two lock files agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("pyproject.toml", "uv.lock", "requirements.txt")


def _requirements() -> dict[str, str]:
    text = (ROOT / "requirements.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.MULTILINE))


def test_requirements_hold_the_versions_of_the_lock_and_nothing_else() -> None:
    """Renew with: uv export --frozen --all-extras --all-groups --no-emit-project --no-annotate --no-header -o requirements.txt"""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {p["name"]: p["version"] for p in lock["package"] if "editable" not in p["source"]}
    assert _requirements() == locked


def test_every_direct_dependency_stands_in_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["local"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[=<>;~! ]", text, maxsplit=1)[0].lower() for text in wanted}
    assert names <= _requirements().keys()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that an installation reads, and an empty folder `bin` that will be all of the PATH."""
    (tmp_path / "deploy" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "deploy/local/install.sh", tmp_path / "deploy/local")
    for name in LOCKS:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "cksum", "cat", "dirname", "ln", "mkdir", "readlink", "rm", "sleep", "touch"):
        _link(tmp_path, tool)
    return tmp_path


def _link(checkout: Path, tool: str) -> None:
    found = shutil.which(tool)
    assert found is not None
    (checkout / "bin" / tool).symlink_to(found)


def _program(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _install(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(checkout), env=_environment(checkout), capture_output=True, text=True)


def _command(checkout: Path) -> list[str]:
    return ["/bin/sh", str(checkout / "deploy/local/install.sh")]


def _environment(checkout: Path) -> dict[str, str]:
    return {"PATH": str(checkout / "bin")}


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    return result.stderr.splitlines()[-1]


def test_no_python_at_all_is_said_with_what_to_install(checkout: Path) -> None:
    assert "install Python 3.11 or newer, or uv" in _last_line(_install(checkout))


def test_an_old_python_is_named_with_its_version(checkout: Path) -> None:
    _program(checkout, "python3", 'if [ "$1" = -V ]; then echo Python 3.9.2; else exit 1; fi')
    line = _last_line(_install(checkout))
    assert "Python 3.9.2" in line
    assert "3.11" in line


def test_a_python_without_venv_is_said_with_the_package_to_install(checkout: Path) -> None:
    _program(checkout, "python3", 'case "$2" in *venv*) exit 1;; esac')
    assert "apt install python3-venv" in _last_line(_install(checkout))


def _uv(checkout: Path, then: str) -> None:
    """A uv that makes an environment of this Python and notes that it was asked."""
    make = f"mkdir -p .venv/bin && echo '#!/bin/sh' > .venv/bin/python && echo 'exec {sys.executable} \"$@\"' >> .venv/bin/python"
    helped = 'if [ "$2" = --help ]; then echo "$UV_OPTIONS"; exit; fi'
    _program(checkout, "uv", f'{helped}; echo "$@" >> asked; {make} && /bin/chmod +x .venv/bin/python; {then}')


def test_a_second_run_asks_nobody_and_a_changed_lock_asks_again(checkout: Path) -> None:
    _uv(checkout, "exit 0")
    assert [_install(checkout).returncode for _ in range(3)] == [0, 0, 0]
    asked = checkout / "asked"
    assert asked.read_text().splitlines() == ["sync --frozen --all-extras --native-tls"]
    with (checkout / "uv.lock").open("a") as lock:
        lock.write("\n")
    assert _install(checkout).returncode == 0
    assert len(asked.read_text().splitlines()) == 2


def test_an_interrupted_installation_is_begun_anew(checkout: Path) -> None:
    _uv(checkout, "touch .venv/half; kill -9 $PPID")
    assert _install(checkout).returncode != 0
    assert (checkout / ".venv/half").exists()
    _uv(checkout, "exit 0")
    assert _install(checkout).returncode == 0
    assert not (checkout / ".venv/half").exists()


def test_uv_trusts_the_system_by_the_option_it_has_now(checkout: Path) -> None:
    _uv(checkout, "exit 0")
    environment = {**_environment(checkout), "UV_OPTIONS": "--offline --system-certs"}
    subprocess.run(_command(checkout), env=environment, check=True, capture_output=True)
    assert (checkout / "asked").read_text().splitlines() == ["sync --frozen --all-extras --system-certs"]


def test_a_moved_checkout_gets_a_new_environment(checkout: Path) -> None:
    """The scripts in .venv/bin name the folder they were made in."""
    _uv(checkout, "touch .venv/made-in-${PWD##*/}")
    assert _install(checkout).returncode == 0
    moved = checkout.with_name(f"{checkout.name}-moved")
    checkout.rename(moved)
    assert _install(moved).returncode == 0
    assert [path.name for path in (moved / ".venv").glob("made-in-*")] == [f"made-in-{moved.name}"]


def _locking(checkout: Path, flock: bool) -> None:
    if flock:
        if shutil.which("flock") is None:
            pytest.skip("there is no flock here")
        _link(checkout, "flock")


@pytest.mark.parametrize("flock", [True, False], ids=["flock", "symbolic link"])
def test_two_installations_at_once_make_one_environment(checkout: Path, flock: bool) -> None:
    """The second says that it waits, finds the work done, and installs nothing."""
    _locking(checkout, flock)
    os.mkfifo(checkout / "go")
    _uv(checkout, "cat go")
    heard, told = os.pipe()
    both = [subprocess.Popen(_command(checkout), env=_environment(checkout), stderr=told) for _ in range(2)]
    os.close(told)
    with os.fdopen(heard) as lines:
        first_two = {lines.readline().rpartition("· ")[2].strip() for _ in both}
        (checkout / "go").write_text("go")
        assert [process.wait() for process in both] == [0, 0]
    assert first_two == {"installing the Python environment", "waiting for another installation that runs here"}
    assert len((checkout / "asked").read_text().splitlines()) == 1


@pytest.mark.parametrize("flock", [True, False], ids=["flock", "symbolic link"])
def test_a_killed_installation_holds_up_no_later_one(checkout: Path, flock: bool) -> None:
    _locking(checkout, flock)
    _uv(checkout, "kill -9 $PPID")
    assert _install(checkout).returncode != 0
    _uv(checkout, "exit 0")
    assert _install(checkout).returncode == 0


@pytest.mark.parametrize(("target", "code"), [("stop", 0), ("reset", 0), ("logs", 0), ("status", 2)])
def test_where_nothing_was_made_nothing_is_installed_to_say_so(checkout: Path, target: str, code: int) -> None:
    shutil.copy(ROOT / "Makefile", checkout)
    make = shutil.which("make")
    assert make is not None
    result = subprocess.run([make, target], cwd=checkout, env=_environment(checkout), capture_output=True, text=True)
    assert result.returncode == code
    assert "there is nothing here yet" in result.stdout
    assert not (checkout / ".motcua").exists()
