"""The store of documents' contents: a local folder or S3, by its URL; everything goes through it as a stream.

An object's path is the day of its id (a UUIDv7) and the id, so that old ones are found without looking at new ones.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from chassis.errors import Retry

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

# The smallest part that S3 takes. Two are held of an upload: one that fills, one that is being sent.
_PART_BYTES = 5 * 2**20
_CHUNK_BYTES = 256 * 1024
# A citizen waits: what is not back by then is away.
_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}


@dataclass(frozen=True)
class Objects:
    """Documents' contents by document id. All methods raise Retry while the store is away."""

    store: ObjectStore
    folder: Path | None = field(default=None)

    @classmethod
    def at(cls, url: str) -> Objects:
        """`file:///folder` (made when it is not there), or `s3://bucket/prefix`.

        S3's region, endpoint and credentials come from the `AWS_…` variables or the machine's role; let the bucket's
        lifecycle end multipart uploads that were left, for what a killed process leaves there is not listed as objects.
        Raises ValueError for a URL of another kind.
        """
        if url.startswith("file:///"):
            folder = Path(unquote(url.removeprefix("file://")))
            return cls(LocalStore(folder, mkdir=True), folder)
        if url.startswith("s3://"):
            return cls(from_url(url, retry_config=_RETRIES))
        raise ValueError("documents_url must begin with file:/// or s3://")

    async def put(self, document_id: UUID, content: AsyncIterator[bytes]) -> None:
        """Keep what `content` gives; when that raises, nothing is kept and its error is raised."""
        with _away():
            await obstore.put_async(
                self.store, _path(document_id), content, chunk_size=_PART_BYTES, max_concurrency=1, use_multipart=True
            )
        if self.folder is not None:
            await asyncio.to_thread(_outlive_a_power_cut, self.folder / _path(document_id))

    async def stream(self, document_id: UUID) -> AsyncIterator[bytes]:
        """The content in pieces; it is there when this returns. Raises FileNotFoundError."""
        with _away():
            found = await obstore.get_async(self.store, _path(document_id))
        return _pieces(found.stream(_CHUNK_BYTES))

    async def delete(self, ids: Iterable[UUID]) -> None:
        """Delete what is there of these."""
        for document_id in ids:
            with _away():
                try:
                    await obstore.delete_async(self.store, _path(document_id))
                except FileNotFoundError:
                    continue

    async def days(self) -> list[date]:
        """The days of which there are objects, in order."""
        with _away():
            listed = await obstore.list_with_delimiter_async(self.store)
        return sorted(day for path in listed["common_prefixes"] if (day := _day(path)) is not None)

    async def of_day(self, day: date, older_than: datetime) -> AsyncIterator[Sequence[UUID]]:
        """The ids of a day's objects from before a moment, in lists of at most a thousand."""
        with _away():
            async for listed in obstore.list(self.store, day.isoformat(), chunk_size=1000):
                old = [_id(each["path"]) for each in listed if each["last_modified"] < older_than]
                yield [each for each in old if each is not None]

    async def delete_unfinished(self, day: date, older_than: datetime) -> None:
        """Delete what killed processes left half written in the local folder; nothing in S3."""
        if self.folder is not None:
            await asyncio.to_thread(_delete_drafts, self.folder / day.isoformat(), older_than)


def _path(document_id: UUID) -> str:
    made_at = datetime.fromtimestamp((document_id.int >> 80) / 1000, UTC)
    return f"{made_at.date().isoformat()}/{document_id}"


def _day(path: str) -> date | None:
    try:
        return date.fromisoformat(path.strip("/").rpartition("/")[2])
    except ValueError:
        return None


def _id(path: str) -> UUID | None:
    """The id of an object of ours; None for what somebody else has put there."""
    try:
        document_id = UUID(path.rpartition("/")[2])
    except ValueError:
        return None
    return document_id if path == _path(document_id) else None


async def _pieces(stream: obstore.BytesStream) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield bytes(piece)


def _outlive_a_power_cut(path: Path) -> None:
    """The local store leaves writing to the operating system, when it likes; a row that is committed promises more."""
    for each in (path, path.parent, path.parent.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _delete_drafts(folder: Path, older_than: datetime) -> None:
    """The local store writes `ID#1` and renames it when it is whole."""
    for draft in folder.glob("*#*"):
        if draft.stat().st_mtime < older_than.timestamp():
            draft.unlink(missing_ok=True)


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise Retry(f"the store of documents: {type(error).__name__}") from None
