"""Java archives, fetched one by one and let in only when they are what the lock says.

`jars.lock` names Kafka's jars with their sizes and SHA-256 (made by `relock.py`). A jar that has been verified
is remembered by size and modification time, so that a later start neither asks the network nor reads it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from requests import RequestException
from requests.exceptions import SSLError

from deploy.local import trust
from deploy.local.child import Progress, StackError

LOCK = Path(__file__).with_name("jars.lock")
AT_ONCE = 8
TIMEOUT_SECONDS = 30
UNFINISHED = ".fetch-"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Jar:
    """One file of a Maven repository; `size` in bytes, `sha256` in hexadecimal."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        return "-".join(filter(None, (self.artifact, self.version, self.classifier))) + ".jar"


def locked(lock: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of a lock, in its order."""
    return tuple(Jar(**fields) for fields in json.loads(lock.read_text()))


async def fetch(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    """Make `folder` hold exactly `jars`, each verified; several are fetched at once, off the event loop.

    Raises StackError, one line naming the jar, when one cannot be fetched or is not what the lock says even
    when fetched past the package client's cache; OSError when the folder cannot be written.
    """
    trust.use_system_store()
    verified = _Verified(folder / "verified.json")
    missing = await asyncio.to_thread(verified.missing, jars)
    loop = asyncio.get_running_loop()
    meter = _Meter(missing, progress)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars")

    def fetch_one(jar: Jar) -> Jar:
        def received(count: int) -> None:
            loop.call_soon_threadsafe(meter.received, jar, count)

        return place(jar, folder, received)

    try:
        for placed in asyncio.as_completed([loop.run_in_executor(pool, fetch_one, jar) for jar in missing]):
            jar = await placed
            verified.add(jar)
            meter.finished(jar)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        verified.save()
    _remove_others(jars, folder)


def place(jar: Jar, folder: Path, received: Callable[[int], None] = lambda count: None) -> Jar:
    """Put one verified jar into the folder, whole or not at all; blocking. Raises like `fetch`.

    `received` is told the number of bytes of each piece that comes over the network.
    """
    target = folder / jar.file_name
    if target.is_file() and _sha256(target) == jar.sha256:
        return jar

    @contextlib.contextmanager
    def each_piece(name: str, size: int) -> Iterator[Callable[[int], None]]:
        yield received

    context = partial(MavenContext, resolver=PythonResolver(progress_callback=each_piece), timeout=TIMEOUT_SECONDS)
    with contextlib.suppress(_UnusableError, OSError):
        _copy_verified(jar, _resolve(jar, context()), target)
        return jar
    # The client's cache may hold half a file, or be closed to this user: once more, past it.
    with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as empty:
        try:
            _copy_verified(jar, _resolve(jar, context(repo_cache=Path(empty))), target)
        except _UntrustedError as problem:
            raise StackError(
                f"Tệp {jar.file_name} không tải được, chứng thư TLS không được tin: đặt REQUESTS_CA_BUNDLE · "
                f"could not get {jar.file_name}, the TLS certificate is not trusted: set REQUESTS_CA_BUNDLE"
            ) from problem
        except _UnusableError as problem:
            raise StackError(
                f"Tệp {jar.file_name} {problem}: kiểm tra mạng, xóa {target} nếu có rồi chạy lại · "
                f"could not get the right {jar.file_name}: check the network, delete {target} if it exists, run again"
            ) from problem
    return jar


class _Meter:
    """Adds up what has come, and tells each finished jar and each further megabyte."""

    def __init__(self, jars: Sequence[Jar], progress: Progress) -> None:
        self._bytes = dict.fromkeys(jars, 0)
        self._finished: set[Jar] = set()
        self._progress = progress
        self._told = 0

    def received(self, jar: Jar, count: int) -> None:
        """A jar that is fetched twice counts once."""
        self._bytes[jar] = min(jar.size, self._bytes[jar] + count)
        if sum(self._bytes.values()) - self._told >= MEGABYTE:
            self._tell()

    def finished(self, jar: Jar) -> None:
        self._bytes[jar] = jar.size
        self._finished.add(jar)
        self._tell()

    def _tell(self) -> None:
        total = sum(jar.size for jar in self._bytes)
        self._told = sum(self._bytes.values())
        self._progress(
            f"tải · fetching {len(self._finished)}/{len(self._bytes)} · {self._told / MEGABYTE:.0f}/{total / MEGABYTE:.0f} MB",
            self._told,
            total,
        )


class _UnusableError(Exception):
    """A jar could not be had, or is not the locked one; the text says which."""


class _UntrustedError(_UnusableError):
    """The server's certificate is not trusted, or the named bundle of authorities cannot be used."""


def _resolve(jar: Jar, context: MavenContext) -> Path:
    """The package client's copy, fetched when it has none; an OSError is the disk's, not the network's."""
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        return Path(component.artifact(classifier=jar.classifier).resolve())
    except OSError as error:
        if error.errno is not None:
            raise
        # A bundle that does not exist is an OSError of `requests` that is none of its RequestExceptions.
        if isinstance(error, SSLError) or not isinstance(error, RequestException):
            raise _UntrustedError("không tải được (TLS)") from error
        raise _UnusableError("không tải được (mạng)") from error
    except (RuntimeError, AssertionError) as error:
        # jgo raises RuntimeError when no repository has it, AssertionError when another process fetches it too.
        raise _UnusableError("không tải được") from error


def _copy_verified(jar: Jar, source: Path, target: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=UNFINISHED)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as output, source.open("rb") as content:
            shutil.copyfileobj(content, output)
        if _sha256(draft) != jar.sha256:
            raise _UnusableError("không khớp SHA-256 đã ghi trong jars.lock")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_others(jars: Sequence[Jar], folder: Path) -> None:
    """Remove jars of another lock and what a killed fetch left behind."""
    wanted = {jar.file_name for jar in jars}
    for path in folder.iterdir():
        if path.suffix == ".jar" and path.name not in wanted:
            path.unlink()
        elif path.name.startswith(UNFINISHED):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class _Verified:
    """Which files of a folder were verified, and the size and time they had then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, list[object]] = {}

    def missing(self, jars: Sequence[Jar]) -> list[Jar]:
        """Those of `jars` that are not in the folder as they were when verified; makes the folder if need be."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError, ValueError):
            self._seen = json.loads(self._path.read_text())
        return [jar for jar in jars if not self._holds(jar)]

    def _holds(self, jar: Jar) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self._seen.get(jar.file_name) == self._marks(jar)
        return False

    def add(self, jar: Jar) -> None:
        self._seen[jar.file_name] = self._marks(jar)

    def save(self) -> None:
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(self._seen, indent=1))
        draft.replace(self._path)

    def _marks(self, jar: Jar) -> list[object]:
        stat = (self._path.parent / jar.file_name).stat()
        return [jar.sha256, stat.st_size, stat.st_mtime_ns]
