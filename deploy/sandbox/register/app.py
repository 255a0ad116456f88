"""A civil register as agencies ask one: a citizen ID and a reason in, what is registered out, every enquiry audited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Security
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import page, templates, utc_time
from deploy.sandbox.kit.requests import bounded_body, hold, same_secret
from deploy.sandbox.register.audit import Audit
from deploy.sandbox.register.people import Entry, Person, load

FAULTS = {
    "away_503": "POST /persons/lookup is answered with 503; match: a citizen ID",
    "storm_500": "POST /persons/lookup is answered with 500; match: a citizen ID",
    "rate_limited_429": "POST /persons/lookup is answered with 429 and Retry-After; match: a citizen ID",
    "timeout": "the caller waits delay_seconds (30 when 0), then hears 504; match: a citizen ID",
    "slow": "POST /persons/lookup is answered delay_seconds (1 when 0) later; match: a citizen ID",
    "not_an_answer": "a proxy's page comes instead of the answer, with 200; match: a citizen ID",
}
LARGEST_BODY = 4 * 1024
CLIENT = "motcua"


@dataclass(frozen=True)
class Settings:
    """`key`: of the only client. `slow_seconds`: until the slow person's answer."""

    data: Path
    key: str
    slow_seconds: float = 20.0


class Lookup(BaseModel):
    """An enquiry. `purpose` is the dossier for which it is made, `reference` the client's own id of the enquiry."""

    model_config = ConfigDict(extra="forbid", strict=True)

    citizen_id: str = Field(pattern=r"^[0-9]{12}$", examples=["019190012345"])
    purpose: str = Field(min_length=1, max_length=100, examples=["G09.20-20260609-0092637"])
    reference: str = Field(min_length=1, max_length=64)


class Answer(BaseModel):
    """What is registered; `person` is null when nobody has this ID."""

    found: bool
    person: Person | None


class Mistake(BaseModel):
    """Why an enquiry is refused; `code` is for programs, `message` for people."""

    code: str
    message: str


class Failure(BaseModel):
    """Every refusal."""

    error: Mistake


_KEY = APIKeyHeader(name="X-API-Key", auto_error=False)
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Lookup.model_json_schema()}}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure} for status in (400, 401, 413, 429, 500, 503, 504)
}


def application(settings: Settings) -> FastAPI:
    """The register's server. It describes itself at /openapi.json."""
    register = Register(settings, load(), Audit.open(settings.data), Faults(FAULTS))
    app = FastAPI(title="Cơ sở dữ liệu hộ tịch thử nghiệm / Sandbox civil register", docs_url=None, redoc_url=None)
    app.add_api_route(
        "/persons/lookup",
        register.lookup,
        methods=["POST"],
        response_model=Answer,
        responses=_REFUSALS,
        openapi_extra=_BODY,
    )
    app.add_api_route("/", register.show, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route("/healthz", register.health, include_in_schema=False)
    app.add_api_route("/_control/enquiries", register.enquiries, include_in_schema=False)
    app.router.routes.extend(register.faults.routes())
    app.add_exception_handler(HTTPException, not_served)
    return app


def failure(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(Failure(error=Mistake(code=code, message=message)).model_dump(), status, headers)


async def not_served(_: Request, error: Exception) -> JSONResponse:
    """No such path or method, or a body too large: refused in the same shape as everything else."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failure(status, HTTPStatus(status).name.lower(), str(getattr(error, "detail", error)))


@dataclass(frozen=True)
class Register:
    settings: Settings
    people: Mapping[str, Entry]
    audit: Audit
    faults: Faults

    async def lookup(self, request: Request, key: Annotated[str | None, Security(_KEY)] = None) -> Any:
        """Look a person up."""
        body = await bounded_body(request, LARGEST_BODY)
        known = same_secret(key or "", self.settings.key)
        asked = read(body)
        if not known:
            return self._refused(
                None, asked, 401, Mistake(code="unauthorized", message="X-API-Key is missing or wrong")
            )
        if isinstance(asked, Mistake):
            return self._refused(CLIENT, asked, 400, asked)
        entry = self.people.get(asked.citizen_id)
        if (trouble := await self._trouble(request, asked.citizen_id, entry)) is not None:
            self._write(CLIENT, asked, "failed")
            return trouble
        self._write(CLIENT, asked, "found" if entry else "not_found")
        return Answer(found=entry is not None, person=entry.told() if entry else None)

    async def _trouble(
        self, request: Request, citizen_id: str, entry: Entry | None
    ) -> JSONResponse | HTMLResponse | None:
        """The answer that a fault or the person's own behaviour gives; None when all is well."""
        fires, answers = self.faults.fires, entry.answers if entry else "truly"
        if answers == "slow":
            await hold(request, self.settings.slow_seconds)
        if fault := fires("slow", citizen_id):
            await asyncio.sleep(fault.delay_seconds or 1.0)
        if fault := fires("timeout", citizen_id):
            await hold(request, fault.delay_seconds or 30.0)
            return failure(504, "timeout", "no answer in time")
        if fires("storm_500", citizen_id):
            return failure(500, "internal_error", "the register is unwell")
        if answers == "away" or fires("away_503", citizen_id):
            return failure(503, "unavailable", "the register is away")
        if fault := fires("rate_limited_429", citizen_id):
            wait = max(1, round(fault.delay_seconds))
            return failure(429, "rate_limited", f"try again in {wait} s", {"Retry-After": str(wait)})
        if fires("not_an_answer", citizen_id):
            return HTMLResponse("<html><body>Bảo trì hệ thống · Maintenance</body></html>")
        return None

    def _refused(self, client: str | None, asked: Lookup | Mistake, status: int, why: Mistake) -> JSONResponse:
        self._write(client, asked, why.code)
        return failure(status, why.code, why.message)

    def _write(self, client: str | None, asked: Lookup | Mistake, outcome: str) -> None:
        told = (asked.citizen_id, asked.purpose, asked.reference) if isinstance(asked, Lookup) else ("", "", "")
        self.audit.write(time.time(), client, *told, outcome)

    async def show(self) -> HTMLResponse:
        """The page: who can be looked up, and who was."""
        return page(PAGES, "register.html", people=self.people.values(), enquiries=self.audit.latest(200))

    async def enquiries(self) -> dict[str, Any]:
        """The audit for the sandbox's own programs: no key, IDs whole."""
        rows = self.audit.latest(1000)
        return {"enquiries": [{**dict(row), "at": utc_time(row["at"])} for row in rows]}

    async def health(self) -> dict[str, str]:
        return {"status": "ok"}


def read(body: bytes) -> Lookup | Mistake:
    """The enquiry, or the first mistake in it."""
    try:
        return Lookup.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    if not field:
        return Mistake(code="body_not_an_enquiry", message="the body is not a JSON object")
    code = {"missing": f"{field}_missing", "extra_forbidden": "field_unknown"}.get(first["type"], f"{field}_invalid")
    return Mistake(code=code, message=f"{field[:64]}: {first['msg']}")


PAGES = templates(Path(__file__).parent / "templates")
