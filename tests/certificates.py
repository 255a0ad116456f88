"""Certificates made up for tests."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from deploy.kafka.certificates import Certificate

EXAMPLE: dict[str, Any] = {
    "topic": "examples.v1",
    "description": {"vi": "Chủ đề thử", "en": "A topic on trial"},
    "owner": "writer",
    "readers": ["reader"],
    "key": "dossier_code",
    "partitions": {"local": 3, "production": 12},
    "cleanup": "delete",
    "retention": 7,
    "compatibility": "backward",
    "personal_data": "none",
    "events": [],
}


def certificate(**changes: Any) -> Certificate:
    """A valid certificate of a topic of its own, with `changes`."""
    return Certificate.model_validate({**EXAMPLE, "topic": f"t-{uuid4().hex[:12]}.v1", **changes})


def changed(old: Certificate, **changes: Any) -> Certificate:
    """The same topic's certificate with `changes`."""
    return Certificate.model_validate({**old.model_dump(), **changes})
