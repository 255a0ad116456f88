"""Faults that a sandbox server can be told over HTTP to show, by name.

`POST /_control/faults` with `{"name": "…", "times": 1, "delay_seconds": 0, "match": ""}` arms one, `GET` lists what is
armed and how often each fired, `DELETE` disarms all. A server names the faults it knows; an unknown name is refused
with the list. `match` narrows a fault to what contains it (a path, a type of event: the server says what it compares).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.requests import hold

HELD_SECONDS = 24 * 3600.0
"""A caller that is never answered gives up long before."""


@dataclass
class Fault:
    """An armed fault: fires `times` more times, waiting `delay_seconds` where the server honours it."""

    name: str
    times: int = 1
    delay_seconds: float = 0.0
    fired: int = 0
    match: str = ""


@dataclass
class Faults:
    """The faults of one server. `known` maps each name to what it does, in a sentence; `api` is where its API's paths begin."""

    known: dict[str, str]
    armed: dict[str, Fault] = field(default_factory=dict)
    api: str = ""

    def fires(self, name: str, subject: str = "") -> Fault | None:
        """The fault if it is armed and shall happen now (to `subject`), counted; None when all is well."""
        fault = self.armed.get(name)
        if fault is None or fault.times <= 0 or fault.match not in subject:
            return None
        fault.times -= 1
        fault.fired += 1
        return fault

    def befalls(self, name: str, request: Request, more: str = "") -> Fault | None:
        """The fault if it hits this request, compared as "POST /path more"; outside of `api` only when armed with a `match`."""
        fault = self.armed.get(name)
        if fault is None or (not fault.match and not request.url.path.startswith(self.api)):
            return None
        return self.fires(name, f"{request.method} {request.url.path} {more}".rstrip())

    async def delays(self, request: Request, more: str = "") -> None:
        """Fault `slow`: the request is carried out delay_seconds (1 when 0) later."""
        if fault := self.befalls("slow", request, more):
            await asyncio.sleep(fault.delay_seconds or 1.0)

    async def silences(self, name: str, request: Request, more: str = "") -> bool:
        """True after the caller hung up, or was cut off after delay_seconds, when the fault hit.

        The body must have been read before.
        """
        if fault := self.befalls(name, request, more):
            await hold(request, fault.delay_seconds or HELD_SECONDS)
            return True
        return False

    def routes(self) -> list[Route]:
        return [Route("/_control/faults", self._control, methods=["GET", "POST", "DELETE"])]

    async def _control(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                body = json.loads(await request.body())
                fault = Fault(
                    name=str(body["name"]),
                    times=int(body.get("times", 1)),
                    delay_seconds=float(body.get("delay_seconds", 0.0)),
                    match=str(body.get("match", "")),
                )
            except (ValueError, TypeError, KeyError) as error:
                return JSONResponse({"error": f"not a fault: {error!r}"}, 400)
            if fault.name not in self.known:
                return JSONResponse({"error": f"unknown fault {fault.name}", "known": self.known}, 404)
            self.armed[fault.name] = fault
        elif request.method == "DELETE":
            self.armed.clear()
        return JSONResponse({"armed": [asdict(fault) for fault in self.armed.values()], "known": self.known})
