"""Event classes made up for a test, and their published schemas."""

from __future__ import annotations

from typing import Any

from pydantic import create_model

from contracts.event import Data
from deploy.kafka import documents


def made(fields: dict[str, Any], name: str = "Made") -> type[Data]:
    """A data class with these fields: an annotation each, which is required, or a pair of annotation and default."""
    told: dict[str, Any] = {field: kind if isinstance(kind, tuple) else (kind, ...) for field, kind in fields.items()}
    model: type[Data] = create_model(name, __base__=Data, **told)
    return model


def schema_of(data: type[Data]) -> dict[str, Any]:
    return documents.schema("vn.motcua.test.made.v1", data)
