"""Requests of the Kafka protocol that aiokafka's connection can carry but has no classes for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import new_class
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

SCRAM_SHA_512 = 2  # org.apache.kafka.clients.admin.ScramMechanism


@dataclass(frozen=True)
class Exactly:
    """A request in one fixed version, as `AIOKafkaConnection.send` takes it."""

    request: Any

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Any:
        """The request itself; raises IncompatibleBrokerVersion when the broker does not know this version."""
        lowest, highest = versions.get(self.request.API_KEY, (0, -1))
        if not lowest <= self.request.API_VERSION <= highest:
            raise IncompatibleBrokerVersion(
                f"{type(self.request).__name__}: version {self.request.API_VERSION} is not among {lowest}–{highest}"
            )
        return self.request


def _message(base: type, name: str, fields: Schema, **attributes: object) -> Any:
    """A class of message like those of `aiokafka.protocol`."""
    content = {"API_KEY": 51, "API_VERSION": 0, "SCHEMA": fields, **attributes}
    return new_class(name, (base,), exec_body=lambda namespace: namespace.update(content))


# KIP-554. Both carry flexible headers; a value of `tags` is {}.
AlterUserScramCredentials = _message(
    RequestStruct,
    "AlterUserScramCredentials",
    Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    ),
    FLEXIBLE_VERSION=True,
    RESPONSE_TYPE=_message(
        Response,
        "AlterUserScramCredentialsResponse",
        Schema(
            ("throttle_time_ms", Int32),
            (
                "results",
                CompactArray(
                    ("user", CompactString("utf-8")),
                    ("error_code", Int16),
                    ("error_message", CompactString("utf-8")),
                    ("tags", TaggedFields),
                ),
            ),
            ("tags", TaggedFields),
        ),
    ),
)
