"""Whether a gateway answers lately, and what is spared one that does not."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from chassis.errors import Unanswered
from services.payments.domain.gateway import UnknownCode

LOOKED_AT, TOO_MANY = 10, 5
PROBE_SECONDS = 2.0
FORGIVEN_SECONDS = 60.0
LONGEST_SECONDS = 25.0
"""From the request to the last byte of its answer: less than a whole call may take."""
SLOW_SECONDS = 3.0
MOST_BYTES = 16 * 1024 * 1024
"""Ten times the longest page of a statement."""
_BREAKER, _ABOUT = "breaker", "about"


class Resting(httpx.TransportError):
    """The gateway is left alone for a moment: it was not asked."""


class NoEnd(httpx.TransportError):
    """More than any answer is, or compressed though nobody asked for that: who knows how much it becomes."""


class Breaker:
    """Ailing once half of the last ten requests were not answered; well again with the first answer.

    Of what it says about one payment only the latest failure counts, however often it is asked. While it is ailing one
    request every two seconds is let through. After a minute in which nobody was refused an answer it counts as well, or
    nothing would be sent there and its recovery never noticed. `clock`: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._outcomes: deque[tuple[bool, str | None]] = deque(maxlen=LOOKED_AT)
        self._failed_at = self._probed_at = float("-inf")

    @property
    def ailing(self) -> bool:
        return sum(not well for well, _ in self._outcomes) >= TOO_MANY

    @property
    def healthy(self) -> bool:
        """Whether to send people there."""
        return not self.ailing or self.clock() - self._failed_at >= FORGIVEN_SECONDS

    def admits(self) -> bool:
        """Whether a request may go out now; while ailing, each True is a probe."""
        if self.ailing:
            if self.clock() - self._probed_at < PROBE_SECONDS:
                return False
            self._probed_at = self.clock()
        return True

    def answered(self) -> None:
        if self.ailing:
            self._outcomes.clear()
        self._outcomes.append((True, None))

    def failed(self, about: str | None = None) -> None:
        """`about`: the payment of which it said something that is no answer; None where it did not even say that."""
        if not self.ailing:
            self._probed_at = self.clock()
        if about is not None and (False, about) in self._outcomes:
            self._outcomes.remove((False, about))
        self._outcomes.append((False, about))
        self._failed_at = self.clock()


class Watched(httpx.AsyncBaseTransport):
    """Requests over `inner`, each an outcome: what the gateway says about one payment is well, "not yet" too.

    Silence, 5xx, 429 and a page of HTML, which only a proxy sends, are not; nor are 401, 403 and 3xx, which everybody gets
    whose key or address is no longer right. Of 2xx its reader says whether it was an answer: `understood`. It has `seconds`
    for the whole answer, `most` bytes long. Raises Resting instead of asking while the breaker says so.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        breaker: Breaker,
        seconds: float = LONGEST_SECONDS,
        most: int = MOST_BYTES,
    ) -> None:
        self._inner, self._breaker = inner, breaker
        self._seconds, self._most = seconds, most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._breaker.admits():
            raise Resting("it did not answer lately", request=request)
        request.headers["Accept-Encoding"] = "identity"
        began = self._breaker.clock()
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._whole(request)
        except TimeoutError:
            self._breaker.failed()
            raise httpx.ReadTimeout("no whole answer in time", request=request) from None
        except httpx.TransportError:
            self._breaker.failed()
            raise
        except asyncio.CancelledError:
            # Whoever asked gave it up for its time, or ends: that says nothing about the gateway.
            if self._breaker.clock() - began >= SLOW_SECONDS:
                self._breaker.failed()
            raise
        if _is_none(response):
            self._breaker.failed()
        elif response.is_success:
            response.extensions |= {_BREAKER: self._breaker, _ABOUT: request.extensions.get(_ABOUT)}
        else:
            self._breaker.answered()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _whole(self, request: httpx.Request) -> httpx.Response:
        """The answer to its last byte: one that stops in the middle is none. Raises NoEnd."""
        response = await self._inner.handle_async_request(request)
        parts, size = list[bytes](), 0
        try:
            if response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
                raise NoEnd("it is compressed", request=request)
            async for part in response.aiter_bytes():
                size += len(part)
                if size > self._most:
                    raise NoEnd(f"it is longer than {self._most} bytes", request=request)
                parts.append(part)
        finally:
            await response.aclose()
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            content=b"".join(parts),
            extensions={**response.extensions},
        )


@contextmanager
def understood(response: httpx.Response) -> Iterator[None]:
    """In here an answer is read: Unanswered says that it is none, and its gateway not well. A code without a word is one."""
    try:
        yield
    except UnknownCode:
        judged(response, well=True)
        raise
    except Unanswered:
        judged(response, well=False)
        raise
    judged(response, well=True)


def judged(response: httpx.Response, *, well: bool) -> None:
    """Whether the gateway has answered; what is said of a response first is its outcome."""
    breaker = response.extensions.pop(_BREAKER, None)
    if not isinstance(breaker, Breaker):
        return
    if well:
        breaker.answered()
    else:
        breaker.failed(response.extensions.get(_ABOUT))


def about(payment: str) -> dict[str, str]:
    """The extensions of a request about one payment: one that its gateway never answers for is no ill gateway."""
    return {_ABOUT: payment}


def watched(breaker: Breaker) -> Watched:
    """A transport for one gateway."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    return Watched(httpx.AsyncHTTPTransport(limits=limits), breaker)


def _is_none(response: httpx.Response) -> bool:
    """Whether its status, or its being a page for people, says already that the gateway takes nothing of ours."""
    status = response.status_code
    html = response.headers.get("Content-Type", "").startswith("text/html")
    return status >= 500 or status in (401, 403, 429) or 300 <= status < 400 or html
