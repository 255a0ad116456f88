"""`python -m deploy.containers.try_image TARGET…`: make and try images' content where no container can be run.

Carries out the Dockerfile's build stages in a folder of its own, with this machine's Python in place of the base
image's, and a stage that several need once. Then looks at the results, and runs them as another user.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.containers.dockerfile import Stage, stages
from deploy.containers.inside import Image, faults, other_user

SOURCE = Path(__file__).resolve().parents[2]
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")  # as .dockerignore says
KEPT = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")  # how packages are reached


class TryError(Exception):
    """The image could not be made; the text says why."""


@dataclass(frozen=True)
class Made:
    """A stage that was carried out: what its working directory holds, and what later stages know of it."""

    root: Path
    variables: Mapping[str, str]


class Builder:
    """Carries out build stages in `folder`, each on top of its base's, and once however many begin with it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stages, self._made = folder, stages(SOURCE / "Dockerfile"), dict[str, Made]()
        self.user = other_user()

    def image(self, target: str) -> Image:
        """What the image `target` takes over from its build stage. Raises TryError, OSError."""
        return Image(target, self._carried_out(f"build-{target}").root, self.user)

    def _carried_out(self, name: str) -> Made:
        if name not in self._made:
            stage, root = self._stages[name], self._folder / name
            if stage.base in self._stages:
                base = self._carried_out(stage.base)
                variables = dict(base.variables)
                # What is installed is added to or replaced, never written over.
                shutil.copytree(base.root, root, symlinks=True, copy_function=os.link)
            else:
                variables = self._begun()
                root.mkdir()
            _carry_out(stage, root, variables)
            self._made[name] = Made(root, variables)
        return self._made[name]

    def _begun(self) -> dict[str, str]:
        """What the base image has: a Python of our own."""
        subprocess.run([_python(self.user), "-m", "venv", self._folder / "python"], check=True)
        variables = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        return variables | {"PATH": f"{self._folder}/python/bin:/usr/bin:/bin", "HOME": str(self._folder)}


def _carry_out(stage: Stage, root: Path, variables: dict[str, str]) -> None:
    for instruction, rest in stage.instructions:
        if instruction == "ARG":
            name, _, variables[name] = rest.partition("=")
        elif instruction == "COPY":
            _copy(rest.split(), root)
        elif instruction == "RUN":
            _run(rest, root, variables)


def _python(user: int | None) -> str:
    """A Python that `user` may run too. Raises TryError."""
    for candidate in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
        try:
            groups: list[int] | None = None if user is None else []
            done = subprocess.run(
                [candidate, "-c", check], user=user, group=user, extra_groups=groups, check=False, capture_output=True
            )
        except OSError:
            continue
        if done.returncode == 0:
            return os.path.realpath(candidate)
    raise TryError("không có Python 3.11 mà người dùng khác chạy được · no Python 3.11 that another user may run")


def _copy(words: list[str], root: Path) -> None:
    *sources, destination = words
    for source in sources:
        target = root / destination
        if (SOURCE / source).is_dir():
            shutil.copytree(SOURCE / source, target, ignore=IGNORED, dirs_exist_ok=True)
            continue
        if destination.endswith("/"):
            target /= Path(source).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / source, target)


def _run(command: str, root: Path, variables: dict[str, str]) -> None:
    print(f"  {command}", flush=True)
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=root,
        env=variables,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise TryError(f"{command}\n{done.stdout}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Thử nội dung ảnh container · try images' content.")
    parser.add_argument("target", choices=("services", "sandbox"), nargs="+")
    targets: list[str] = parser.parse_args().target
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        builder = Builder(Path(name))
        try:
            return max([_tried(builder.image(target)) for target in targets])
        except (TryError, OSError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1


def _tried(image: Image) -> int:
    found = list(faults(image, SOURCE))
    megabytes = sum(path.lstat().st_size for path in image.root.rglob("*")) / 1e6
    well = f"{image.target}: ổn · well; {len(image.distributions)} gói · packages, {megabytes:.0f} MB"
    print("\n".join(found) or well)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
