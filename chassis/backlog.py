"""The bound of the outbox: past it commands are refused, before anything is written."""

from __future__ import annotations

from chassis.errors import Refusal

RETRY_AFTER_SECONDS = 5


class Backlog:
    """How many events wait for Kafka, as last looked at, and how many may."""

    def __init__(self, limit: int) -> None:
        self._limit, self.waiting = limit, 0

    def refuse_when_full(self) -> None:
        """Raises Refusal 503 while more than the limit waits: what is accepted must also be told some day soon."""
        if self.waiting > self._limit:
            raise Refusal(
                "outbox_full",
                "Hệ thống đang chờ kết nối và tạm ngừng nhận thêm. Chưa có gì được ghi; xin gửi lại sau ít giây.",
                f"{self.waiting} events wait to be published, so nothing more is accepted. Nothing was written; "
                "send the same again in a few seconds.",
                503,
            )
