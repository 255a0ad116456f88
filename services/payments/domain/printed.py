"""A part of the port that not every gateway has: receipts that it prints itself, and that people ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from chassis.errors import Unanswered
from services.payments.domain.questions import Asking


class NotReady(Unanswered):
    """The gateway has not printed it yet."""


class AskReceipt(Asking):
    """Give the receipt of what was paid on this page of ours. Asked while somebody waits, and never again by itself."""

    attempt_id: UUID
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A gateway's own receipt, as it was sent: a PDF, or its JSON."""

    content: bytes
    media_type: str


@runtime_checkable
class PrintsReceipts(Protocol):
    """A gateway that prints receipts."""

    async def receipt_file(self, request: AskReceipt) -> ReceiptFile:
        """Raises NotReady while there is none, Unanswered."""
        ...
