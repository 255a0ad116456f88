"""Citizens, officers and browsers, tens at once, who never give up on an answer and repeat what was lost as it was."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx

from deploy.local.layout import Layout
from motcua.actors import persona
from motcua.patient import PASSING, told

PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.3, 2.0
ANSWER_SECONDS = 8.0


class JourneyFailed(Exception):
    """A service gave a definite answer that it must not give; the text says which."""


class People:
    """One HTTP client for all; a sign-in a person."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_SECONDS, pool=60), trust_env=False, limits=limits)
        self._tokens: dict[str, asyncio.Task[str]] = {}
        self.internal_errors = 0

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, who: str, method: str, service: str, path: str, **kwargs: Any) -> httpx.Response:
        """The first answer for good, whoever dies on the way. The same request is sent again until then."""
        headers = kwargs.pop("headers", {})
        while True:
            token = await self._token(who)
            everything = {"Authorization": f"Bearer {token}", **headers}
            url = f"{self._layout.url(service)}{path}"
            answer = await self.persist(method, url, headers=everything, **kwargs)
            if answer.status_code != 401:
                return answer
            self._tokens.pop(who, None)

    async def good(self, who: str, method: str, service: str, path: str, **kwargs: Any) -> Any:
        """The JSON of a good answer. Raises JourneyFailed for any other."""
        answer = await self.ask(who, method, service, path, **kwargs)
        if answer.status_code >= 400:
            raise JourneyFailed(f"{method} {path} ({service}): {answer.status_code} {told(answer)}")
        return answer.json()

    async def persist(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """Repeat a request until it is answered, and not with trouble that passes."""
        pause = PAUSE_SECONDS
        while True:
            # AttributeError: anyio asks a socket for its peer that uvloop has closed already.
            with suppress(httpx.HTTPError, AttributeError):
                answer = await self._client.request(method, url, **kwargs)
                if answer.status_code == 500:
                    self.internal_errors += 1
                elif answer.status_code not in PASSING:
                    return answer
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    async def control(self, server: str, method: str, **kwargs: Any) -> Any:
        """A sandbox server's faults; arming one again is arming it."""
        # A connection that was kept may be closed by the server in this very moment.
        answer = await self.persist(method, f"{self._layout.url(server)}/_control/faults", **kwargs)
        return answer.raise_for_status().json()

    async def look(self, server: str, path: str) -> Any:
        """What a sandbox server tells of itself."""
        answer = await self.persist("GET", f"{self._layout.url(server)}{path}", timeout=60)
        return answer.raise_for_status().json()

    async def ready(self, port: int) -> bool:
        """Whether the process behind this port of loopback says that it is ready."""
        with suppress(httpx.HTTPError):
            return (await self._client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        return False

    async def _token(self, who: str) -> str:
        if who not in self._tokens:
            self._tokens[who] = asyncio.create_task(self._sign_in(who))
        return await asyncio.shield(self._tokens[who])

    async def _sign_in(self, who: str) -> str:
        form = {
            "grant_type": "password",
            "client_id": "motcua-cli",
            "username": who,
            "password": persona(who)["password"],
            "scope": "openid profile",
        }
        answer = await self.persist("POST", f"{self._layout.url('oidc')}/token", data=form)
        return str(answer.json()["access_token"])
