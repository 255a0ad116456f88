"""`python -m deploy.containers.try_image TARGET`: make and try an image's content where no container can be run.

Carries out the Dockerfile's build stages in a folder of its own, with this machine's Python in place of the base
image's. Then looks at the result, and runs it as another user.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.containers.dockerfile import Stage, stages
from deploy.containers.inside import Image, faults, other_user

SOURCE = Path(__file__).resolve().parents[2]
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")  # as .dockerignore says
KEPT = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")  # how packages are reached


class TryError(Exception):
    """The image could not be made; the text says why."""


def make(target: str, folder: Path) -> Image:
    """What the image `target` takes over from its build stage. Raises TryError, OSError."""
    user, root = other_user(), folder / "image"
    root.mkdir()
    subprocess.run([_python(user), "-m", "venv", folder / "python"], check=True)
    variables = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    variables |= {"PATH": f"{folder}/python/bin:/usr/bin:/bin", "HOME": str(folder)}
    for stage in _build_stages(target):
        for instruction, rest in stage.instructions:
            if instruction == "ARG":
                name, _, variables[name] = rest.partition("=")
            elif instruction == "COPY":
                _copy(rest.split(), root)
            elif instruction == "RUN":
                _run(rest, root, variables)
    return Image(target, root, user)


def _build_stages(target: str) -> list[Stage]:
    """The stages that lead to the build stage of `target`, first to last."""
    found = stages(SOURCE / "Dockerfile")
    chain = [found[f"build-{target}"]]
    while chain[0].base in found:
        chain.insert(0, found[chain[0].base])
    return chain


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
    parser = argparse.ArgumentParser(description="Thử nội dung ảnh container · try an image's content.")
    parser.add_argument("target", choices=("services", "sandbox"))
    target: str = parser.parse_args().target
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        try:
            image = make(target, Path(name))
        except (TryError, OSError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1
        found = list(faults(image, SOURCE))
        megabytes = sum(path.lstat().st_size for path in image.root.rglob("*")) / 1e6
        print("\n".join(found) or f"{target}: ổn · well; {len(image.distributions)} gói · packages, {megabytes:.0f} MB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
