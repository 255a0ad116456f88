"""The store of documents, by its setting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from obstore.store import LocalStore, S3Store

from chassis.errors import Retry
from chassis.identifiers import new_id
from services.intake.adapters.objects import Objects


def test_the_setting_chooses_between_a_folder_and_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tài liệu" / "hồ sơ"
    assert isinstance(Objects.at(folder.as_uri()).store, LocalStore)
    assert folder.is_dir()
    monkeypatch.setenv("AWS_REGION", "ap-southeast-1")
    store = Objects.at("s3://ho-so/tai-lieu").store
    assert isinstance(store, S3Store)
    assert (store.prefix, store.config.get("bucket")) == ("tai-lieu", "ho-so")
    for url in ("memory:///", "/tmp/documents", "http://127.0.0.1/", "file://host/folder"):
        with pytest.raises(ValueError, match="documents_url"):
            Objects.at(url)


async def test_s3_is_asked_at_its_address_and_a_store_that_is_away_is_passing_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    async def away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).strip())
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def content() -> AsyncIterator[bytes]:
        yield b"content"

    document_id = new_id()
    async with await asyncio.start_server(away, "127.0.0.1", 0) as server:
        for name, value in {
            "AWS_REGION": "ap-southeast-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }.items():
            monkeypatch.setenv(name, value)
        objects = Objects.at("s3://ho-so/tai-lieu")
        with pytest.raises(Retry, match="the store of documents"):
            await objects.put(document_id, content())
        with pytest.raises(Retry):
            await objects.stream(document_id)
        with pytest.raises(Retry):
            await objects.delete([document_id])
        with pytest.raises(Retry):
            await objects.days()
    day = datetime.fromtimestamp((document_id.int >> 80) / 1000, UTC).date().isoformat()
    assert f"GET /ho-so/tai-lieu/{day}/{document_id} HTTP/1.1".encode() in asked
    assert any(each.startswith(b"POST /ho-so/tai-lieu/") for each in asked)


async def test_what_is_not_there_is_not_found_and_deleted_without_a_word(tmp_path: Path) -> None:
    objects = Objects.at(tmp_path.as_uri())
    await objects.delete([new_id()])
    with pytest.raises(FileNotFoundError):
        await objects.stream(new_id())
    assert await objects.days() == []
