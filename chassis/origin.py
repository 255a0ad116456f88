"""Who wrote an event, and by what it is known when it comes again: our own services are believed, strangers are not."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from chassis.errors import Park
from chassis.identifiers import derived_id, id_of

Headers = Mapping[str, str]

_OURS = "/motcua/"


class Sent(NamedTuple):
    """What a stranger wrote, as it came: who wants a proof of who that was looks here."""

    headers: Headers
    value: bytes


def is_ours(source: str) -> bool:
    """Whether a source is that of a service of ours, or says so: what it would win by that is a proof's concern."""
    return source.startswith(_OURS)


def identity(headers: Headers, value: bytes) -> UUID:
    """By what an event is known that comes again: our own services' ids are unique, and nobody else's are believed to be.

    An id that a stranger gave counts together with source, type, subject and content, so that it hides nobody else's
    event. Raises Park, ValueError for an event without an id or a source.
    """
    event_id, source = id_of(required(headers, "ce_id")), required(headers, "ce_source")
    if is_ours(source):
        return event_id
    told = (source, headers.get("ce_type", ""), headers.get("ce_subject", ""), sha256(value).hexdigest())
    return derived_id(event_id, "\0".join(told))


def required(headers: Headers, name: str) -> str:
    """A header's value. Raises Park when there is none."""
    value = headers.get(name)
    if not value:
        raise Park(f"header {name} is missing or unreadable")
    return value
