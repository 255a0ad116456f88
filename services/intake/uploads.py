"""How a document comes in: content, type, virus scan, then its row; whatever fails before the row leaves no document."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import structlog

from chassis.clock import Clock
from chassis.errors import Refusal, Retry
from chassis.identifiers import new_id
from chassis.postgres import Pool
from services.intake.adapters.objects import Objects
from services.intake.adapters.scanner import Scanner
from services.intake.domain.content import Content
from services.intake.domain.document import Document, Scan, file_name, too_large, too_many
from services.intake.store import documents

DAY = timedelta(hours=24)

log = structlog.get_logger()


class Owner(NamedTuple):
    """Whose a new document is: a citizen's or an agency's; `subject` is who sends it."""

    subject: str
    person_id: UUID | None
    agency: str | None


@dataclass(frozen=True)
class Limits:
    """`file_bytes` of one file; `unattached` files of one uploader in a day; `seconds` for sending one file.

    `at_once` uploads in this process, each of which takes some 10 MiB of memory; `at_once_of_one` from one uploader.
    """

    file_bytes: int
    unattached: int
    seconds: float = 600.0
    at_once: int = 16
    at_once_of_one: int = 4


class _File:
    """A file while it passes."""

    def __init__(self, name: str, document_id: UUID) -> None:
        self.name, self.id, self.content, self.digest = name, document_id, Content(), sha256()


class Uploads:
    """Takes documents in."""

    def __init__(self, objects: Objects, scanner: Scanner | None, limits: Limits, clock: Clock) -> None:
        self._objects, self._scanner, self._limits, self._clock = objects, scanner, limits, clock
        self._under_way = Counter[str]()

    async def take(self, pool: Pool, owner: Owner, typed_name: str, chunks: AsyncIterator[bytes]) -> Document:
        """Keep a file under a name; the document, when all is well with it.

        Raises Refusal 422 for its name or content (domain.content, document_infected), 413, 408 when it comes too slowly,
        429, and 503 while the virus scanner is away; Retry while the store is away; whatever `chunks` raises.
        """
        name, since, most = file_name(typed_name), self._clock() - DAY, self._limits.unattached
        if await documents.unattached(pool, owner.subject, since) >= most:
            raise too_many(most)
        with self._place(owner.subject):
            file = _File(name, new_id())
            await self._objects.put(file.id, self._passing(chunks, file))
            document = Document(
                id=file.id,
                person_id=owner.person_id,
                agency=owner.agency,
                uploaded_by=owner.subject,
                name=name,
                media_type=file.content.judged(name),
                size=file.content.size,
                sha256=file.digest.hexdigest(),
                scan=await self._scanned(file.id),
                created_at=self._clock(),
            )
            # A commit that went unheard may have been one: then the content stays, and the sweeper asks for the row.
            if not await documents.add(pool, document, since, most):
                await self.forget(file.id)
                raise too_many(most)
        return document

    async def forget(self, document_id: UUID) -> None:
        """Delete the content of what is no document; while the store is away it is left to the sweeper."""
        try:
            await self._objects.delete([document_id])
        except Retry as error:
            log.warning("content of no document is left to be swept", document=str(document_id), reason=str(error))

    async def _passing(self, chunks: AsyncIterator[bytes], file: _File) -> AsyncIterator[bytes]:
        """The chunks, looked at as they pass; a file that is refused ends by its refusal, so that nothing is kept."""
        ends_at = asyncio.get_running_loop().time() + self._limits.seconds
        while (chunk := await _next(chunks, ends_at)) is not None:
            file.content.feed(chunk)
            file.digest.update(chunk)
            if file.content.size > self._limits.file_bytes:
                raise too_large(self._limits.file_bytes)
            if chunk:
                yield chunk
        file.content.judged(file.name)

    async def _scanned(self, document_id: UUID) -> Scan:
        if self._scanner is None:
            return "none"
        try:
            found = await self._scanner.scan(await self._objects.stream(document_id))
        except Retry as error:
            await self.forget(document_id)
            log.warning("upload refused, nobody can scan it", reason=str(error))
            raise Refusal(
                "scanner_away",
                "Tạm thời chưa kiểm tra được vi-rút nên chưa nhận tệp; xin gửi lại tệp sau ít phút.",
                "Files cannot be checked for viruses at the moment, so none is taken; send it again in some minutes.",
                503,
            ) from None
        if found is not None:
            await self.forget(document_id)
            log.warning("upload refused, the virus scanner found something", found=found)
            raise Refusal(
                "document_infected",
                "Phần mềm diệt vi-rút phát hiện mã độc trong tệp nên tệp không được nhận. Hãy quét máy của bạn rồi gửi tệp khác.",
                "The virus scanner found malware in the file, so it is not taken. Scan your machine, then send another file.",
                422,
            )
        return "clean"

    @contextmanager
    def _place(self, subject: str) -> Iterator[None]:
        if self._under_way[subject] >= self._limits.at_once_of_one:
            raise Refusal(
                "uploads_at_once",
                "Bạn đang gửi nhiều tệp cùng lúc; hãy đợi các tệp đó xong rồi gửi tiếp.",
                "You are sending several files at once; wait until they are done.",
                429,
            )
        if self._under_way.total() >= self._limits.at_once:
            raise Retry("places for uploads")
        self._under_way[subject] += 1
        try:
            yield
        finally:
            self._under_way[subject] -= 1
            if not self._under_way[subject]:
                del self._under_way[subject]


async def _next(chunks: AsyncIterator[bytes], ends_at: float) -> bytes | None:
    """The next chunk, None behind the last one. Raises Refusal 408 when it does not come in time."""
    try:
        async with asyncio.timeout_at(ends_at):
            return await anext(chunks, None)
    except TimeoutError:
        raise Refusal(
            "upload_too_slow",
            "Tệp được gửi quá chậm nên bị ngắt; hãy thử lại với mạng ổn định hơn.",
            "The file came too slowly; try again with a better connection.",
            408,
        ) from None
