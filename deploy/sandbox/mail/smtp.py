"""SMTP in, on the server's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.serve import host
from deploy.sandbox.mail.store import Store

LARGEST_MAIL = 10 * 1024 * 1024
MOST_RECIPIENTS = 100
TIMEOUT_SECONDS = 120.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Postman:
    """Answers the commands of SMTP; aiosmtpd calls the methods by their names."""

    store: Store
    faults: Faults

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.faults.fires("permanent_550"):
            return "550 5.1.1 mailbox unavailable"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if fault := self.faults.fires("slow"):
            await asyncio.sleep(fault.delay_seconds or 1.0)
        if self.faults.fires("temporary_451"):
            return "451 4.3.0 try again later"
        recipients = [valid_text(address) for address in envelope.rcpt_tos]
        identifier = self.store.add(
            valid_text(envelope.mail_from or ""), recipients, bytes(envelope.original_content or b"")
        )
        if fault := self.faults.fires("timeout_after_data"):
            await asyncio.sleep(fault.delay_seconds or TIMEOUT_SECONDS)
            cast("asyncio.Transport", server.transport).abort()
        return f"250 2.0.0 accepted as {identifier}"

    async def handle_exception(self, error: Exception) -> str:
        """A mail that could not be kept is not refused for good: the sender still has it."""
        log.error("mail not kept", exc_info=error)
        return "451 4.3.0 the mail could not be stored"


def valid_text(address: str) -> str:
    """An address whose bytes were not UTF-8, with those replaced."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Refused(asyncio.Protocol):
    """Hangs up on whoever connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


@contextlib.asynccontextmanager
async def smtp_server(store: Store, faults: Faults, port: int) -> AsyncIterator[None]:
    """Listen until the block is left; raises OSError when the port is taken."""
    loop, postman = asyncio.get_running_loop(), Postman(store, faults)

    def connected() -> asyncio.BaseProtocol:
        if faults.fires("refuse_connection"):
            return Refused()
        protocol: asyncio.BaseProtocol = SMTP(
            postman,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="mail.motcua.example",
            ident="sandbox",
            loop=loop,
        )
        return protocol

    server = await loop.create_server(connected, host(), port)
    try:
        yield
    finally:
        server.close()
