"""Who can sign in and through which application: the fixed, fictional people and clients of the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Persona:
    """A fictional person. `form` (citizen ID, phone …) is for filling in forms and never reaches a token."""

    username: str
    password: str = field(repr=False)
    subject: str
    name: str
    role: str
    note: str
    agency: str | None = None
    department: str | None = None
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    def claims(self) -> dict[str, Any]:
        """What tokens and userinfo say of the person."""
        person = {"person_id": self.subject} if self.role == "citizen" else {}
        office = {"agency": self.agency, "department": self.department} if self.role == "officer" else {}
        return {"sub": self.subject, "name": self.name, "role": self.role} | person | office


@dataclass(frozen=True)
class Client:
    """An application. Without `secret` it is public; with `agency` it is that agency's own system."""

    client_id: str
    name: str
    grants: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    redirect_uris: tuple[str, ...] = ()
    agency: str | None = None

    def claims(self) -> dict[str, Any]:
        """What the tokens of an agency's system say: it acts for itself (RFC 9068 2.2, sub is the client)."""
        return {"sub": self.client_id, "name": self.name, "role": "agency-system", "agency": self.agency}

    def may_redirect_to(self, uri: str) -> bool:
        """Is the URI one of the registered patterns?"""
        return any(_pattern(pattern).fullmatch(uri) for pattern in self.redirect_uris)


@dataclass(frozen=True)
class Registry:
    personas: Mapping[str, Persona]
    clients: Mapping[str, Client]
    agencies: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Registry:
        """From `personas.json` and `clients.json`."""
        people = json.loads((folder / "personas.json").read_text("utf-8"))
        personas = [Persona(**entry) for entry in people["personas"]]
        entries = json.loads((folder / "clients.json").read_text("utf-8"))["clients"]
        clients = [
            Client(**entry | {"grants": tuple(entry["grants"]), "redirect_uris": tuple(entry.get("redirect_uris", ()))})
            for entry in entries
        ]
        return cls(
            {persona.username: persona for persona in personas},
            {client.client_id: client for client in clients},
            people["agencies"],
        )


def _pattern(pattern: str) -> re.Pattern[str]:
    """Loopback applications listen where there is room, so any port will do (RFC 8252 7.3)."""
    expression = re.escape(pattern).replace(r":\*/", r"(?::\d{1,5})?/")
    if expression.endswith(r"\*"):
        expression = expression[:-2] + r"[^#\\\s]*"
    return re.compile(expression, re.ASCII)
