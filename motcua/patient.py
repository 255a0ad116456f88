"""HTTP that outlives the restart of whatever it talks to: the same request again, until it is answered for good."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

PASSING = {429, 502, 503, 504}
T = TypeVar("T")


class JourneyError(Exception):
    """The journey cannot go on, or something is not as it must be; the text says what, in one line."""


class Patient:
    """A client that waits for servers that come back; `seconds` is how long for one request or one condition."""

    def __init__(self, seconds: float = 90.0) -> None:
        self._seconds = seconds
        self._client = httpx.Client(timeout=15, trust_env=False)

    def __enter__(self) -> Patient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """The first answer that is not a passing one. Raises JourneyError when there is none in time."""
        deadline, trouble = time.monotonic() + self._seconds, "no answer"
        while time.monotonic() < deadline:
            try:
                answer = self._client.request(method, url, **kwargs)
            except httpx.HTTPError as error:
                trouble = type(error).__name__
            else:
                if answer.status_code not in PASSING:
                    return answer
                trouble = f"{answer.status_code} {told(answer)}"
            time.sleep(0.3)
        raise JourneyError(f"{method} {url} không được trả lời · is not answered: {trouble}")

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """What `look` finds, as soon as it finds something. Raises JourneyError naming `what` when that is too late."""
        deadline = time.monotonic() + self._seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise JourneyError(f"chờ quá {self._seconds:.0f} s · waited too long for: {what}")
            time.sleep(0.1)
        return found


def told(answer: httpx.Response) -> str:
    """What an answer says of its trouble."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(body.get("detail", body))[:300] if isinstance(body, dict) else str(body)[:300]
