"""The civil register over HTTP: `POST /persons/lookup` with the citizen ID and the reason, under our key.

Whatever is no answer of its own leaves the call unanswered, to be asked again; a refusal that we do not know too, for
somebody to look at: no dossier goes on or stops by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from chassis.calls import Calling
from chassis.clock import Clock
from chassis.errors import Unanswered
from services.intake.domain.register import CheckRegister, RegisterAnswered, Registered, answered

# Refusals that are answers: nobody can have such an ID.
_NOBODY = {"citizen_id_invalid"}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    found: bool
    person: Registered | None = None


@dataclass(frozen=True)
class Register:
    """The register that `client` (its address, our key) leads to."""

    client: httpx.AsyncClient
    clock: Clock

    @classmethod
    def at(cls, url: str, key: str, clock: Clock) -> Register:
        # Shorter than the lease and the time-out of a call: what we hear late we do not hear.
        return cls(httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, timeout=8.0), clock)

    async def check(self, request: CheckRegister, calling: Calling) -> RegisterAnswered:
        """What the register has otherwise than what was typed; the call's id is the key in the register's own audit.

        Raises Unanswered while nothing is certain.
        """
        question = {"citizen_id": request.citizen_id, "purpose": request.code, "reference": str(calling.id)}
        try:
            answer = await self.client.post("/persons/lookup", json=question)
        except httpx.HTTPError as error:
            raise Unanswered(f"the civil register: {type(error).__name__}") from None
        return answered(request, _person(answer), self.clock())


def _person(answer: httpx.Response) -> Registered | None:
    if 400 <= answer.status_code < 500 and _code(answer) in _NOBODY:
        return None
    try:
        told = _Answer.model_validate_json(answer.content) if answer.status_code == 200 else None
    except ValidationError:
        told = None
    # Found, but nobody told: as little an answer as none.
    if told is None or told.found != (told.person is not None):
        raise Unanswered(f"the civil register answers {answer.status_code} {_code(answer)}".rstrip())
    return told.person


def _code(answer: httpx.Response) -> str:
    """The register's code for what is wrong; empty when it is not its own answer."""
    try:
        return str(answer.json()["error"]["code"])[:100]
    except (ValueError, KeyError, TypeError):
        return ""
