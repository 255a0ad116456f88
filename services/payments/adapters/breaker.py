"""Whether a gateway answers lately, and what is spared one that does not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import httpx

LOOKED_AT, TOO_MANY = 10, 5
PROBE_SECONDS = 2.0
FORGIVEN_SECONDS = 60.0


class Resting(httpx.TransportError):
    """The gateway is left alone for a moment: it was not asked."""


class Breaker:
    """Ailing once half of the last ten requests were not answered; well again with the first answer.

    While it is ailing one request every two seconds is let through. After a minute in which nobody was refused an
    answer it counts as well, or nothing would be sent there and its recovery never noticed. `clock`: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._outcomes: deque[bool] = deque(maxlen=LOOKED_AT)
        self._failed_at = self._probed_at = float("-inf")

    @property
    def ailing(self) -> bool:
        return self._outcomes.count(False) >= TOO_MANY

    @property
    def healthy(self) -> bool:
        """Whether to send people there."""
        return not self.ailing or self._clock() - self._failed_at >= FORGIVEN_SECONDS

    def admits(self) -> bool:
        """Whether a request may go out now; while ailing, each True is a probe."""
        if self.ailing:
            if self._clock() - self._probed_at < PROBE_SECONDS:
                return False
            self._probed_at = self._clock()
        return True

    def answered(self) -> None:
        if self.ailing:
            self._outcomes.clear()
        self._outcomes.append(True)

    def failed(self) -> None:
        if not self.ailing:
            self._probed_at = self._clock()
        self._outcomes.append(False)
        self._failed_at = self._clock()


class Watched(httpx.AsyncBaseTransport):
    """Requests over `inner`, each an outcome: whatever the gateway itself answers is well, "not yet" too.

    Silence, 5xx, 429 and a page of HTML, which only a proxy sends, are not. Raises Resting instead of asking while the
    breaker says so.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, breaker: Breaker) -> None:
        self._inner, self._breaker = inner, breaker

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._breaker.admits():
            raise Resting("it did not answer lately", request=request)
        try:
            response = await self._inner.handle_async_request(request)
            await response.aread()  # one that stops in the middle did not answer
        except httpx.TransportError:
            self._breaker.failed()
            raise
        html = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code >= 500 or response.status_code == 429 or html:
            self._breaker.failed()
        else:
            self._breaker.answered()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def watched(breaker: Breaker) -> Watched:
    """A transport for one gateway."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    return Watched(httpx.AsyncHTTPTransport(limits=limits), breaker)
