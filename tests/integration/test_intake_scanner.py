"""The virus scanner of intake: a small server that speaks clamd's protocol, over TCP and over a socket in the file system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from chassis.errors import Unanswered
from services.intake.adapters.scanner import Clamd
from tests.database import Server as Postgres
from tests.integration.intake_desk import Desk, open_desk, signing
from tests.integration.sandbox_process import free_port
from tests.unit.intake.files import pdf

# The European Institute for Computer Antivirus Research's test string, cut here so that no scanner stops at this file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class Daemon:
    """What clamd does with INSTREAM; `answer` instead of the truth, when it is set."""

    answer: bytes | None = None
    scanned: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = bytearray()
        while length := int.from_bytes(await reader.readexactly(4)):
            content += await reader.readexactly(length)
        self.scanned.append(bytes(content))
        found = b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if EICAR in content else b"stream: OK\0"
        writer.write(found if self.answer is None else self.answer)
        writer.close()


@asynccontextmanager
async def listening(daemon: Daemon, port: int) -> AsyncIterator[str]:
    async with await asyncio.start_server(daemon.serve, "127.0.0.1", port):
        yield f"clamd://127.0.0.1:{port}"


PORT = free_port()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
async def desk(
    postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory, folder: Path
) -> AsyncIterator[Desk]:
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        database = await postgres_server.fresh("intake")
        scanner_url = f"clamd://127.0.0.1:{PORT}"
        async with open_desk(database, provider, documents_url=folder.as_uri(), scanner_url=scanner_url) as desk:
            yield desk


async def _send(desk: Desk, content: bytes) -> httpx.Response:
    return await desk.http.post("/documents", params={"name": "a.pdf"}, content=content, headers=desk.bearer("anh"))


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_a_clean_file_says_that_it_was_scanned_and_an_infected_one_is_deleted(desk: Desk, folder: Path) -> None:
    daemon, clean = Daemon(), pdf(padding=900_000)
    infected = clean.replace(b"x" * len(EICAR), EICAR, 1)
    async with listening(daemon, PORT):
        taken = await _send(desk, clean)
        assert (taken.status_code, taken.json()["scan"]) == (201, "clean")
        kept = [taken.json()["id"]]
        refused = await _send(desk, infected)
    assert (refused.status_code, refused.json()["code"]) == (422, "document_infected")
    assert "vi-rút" in refused.json()["detail"]
    assert daemon.scanned == [clean, infected], "every byte of both"
    assert _files(folder) == kept


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK", b"", None])
async def test_without_a_certain_answer_nothing_is_taken(desk: Desk, folder: Path, answer: bytes | None) -> None:
    kept = _files(folder)
    if answer is None:
        refused = await _send(desk, pdf())
    else:
        async with listening(Daemon(answer), PORT):
            refused = await _send(desk, pdf())
    assert (refused.status_code, refused.json()["code"]) == (503, "scanner_away")
    assert "retry-after" in refused.headers
    assert _files(folder) == kept


async def _content() -> AsyncIterator[bytes]:
    for piece in (b"", pdf(), b"", EICAR):
        yield piece


async def test_the_scanner_may_listen_in_the_file_system(tmp_path: Path) -> None:
    daemon, path = Daemon(), tmp_path / "clamd.sock"
    async with await asyncio.start_unix_server(daemon.serve, path):
        assert await Clamd.at(f"clamd://{path}").scan(_content()) == "Win.Test.EICAR_HDB-1"
    assert daemon.scanned == [pdf() + EICAR]


async def test_a_scanner_that_hangs_is_given_up() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        clamd = Clamd(lambda: asyncio.open_connection("127.0.0.1", port), seconds=0.2)
        with pytest.raises(Unanswered, match="TimeoutError"):
            await clamd.scan(_content())


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "clamd://", "clamd:///", "clamd://host", "clamd://host/path"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="scanner_url"):
        Clamd.at(url)
