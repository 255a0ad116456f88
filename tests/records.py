"""Events and Kafka records for tests, made from the examples that the topics' certificates give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from chassis.envelope import Event, headers_of
from chassis.identifiers import new_id
from chassis.parking import Record
from contracts.event import Data
from contracts.registry import EVENTS
from deploy.kafka import certificates

NOON = datetime(2026, 6, 9, 5, tzinfo=UTC)
CODE = "G09.20-20260609-0000001"

EXAMPLES: Mapping[type[Data], tuple[dict[str, Any], ...]] = {
    EVENTS[event.type]: event.examples
    for certificate in certificates.load()
    for event in certificate.events
    if event.examples
}


def example(kind: type[Data], **changes: Any) -> Data:
    """The first example of this kind of event, with some fields changed; a dict is merged into what stands there."""
    return kind.model_validate(_merged(EXAMPLES[kind][0], changes))


def event(data: Data, sequence: int = 1, at: datetime = NOON, subject: str = CODE) -> Event[Any]:
    """The data in an envelope, as a consumer's decider gets it."""
    return Event(new_id(), data.TYPE, "/motcua/test", subject, sequence, at, data)


def record(
    data: Data,
    offset: int,
    sequence: int = 1,
    at: datetime = NOON,
    subject: str = CODE,
    partition: int = 0,
    event_id: UUID | None = None,
) -> Record:
    """The data as a record of its topic, as a service's relay sends it."""
    headers = headers_of(event_id or new_id(), data.TYPE, "/motcua/test", subject, sequence, at, None, False)
    coded = [(name, value.encode()) for name, value in headers.items()]
    return raw(data.TOPIC, offset, subject.encode(), data.model_dump_json().encode(), coded, partition)


def raw(
    topic: str,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]] | list[tuple[str, bytes]],
    partition: int = 0,
) -> Record:
    """A record of any bytes whatever."""
    return ConsumerRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=int(NOON.timestamp() * 1000),
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=tuple(headers),
    )


def _merged(given: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return given | {
        name: _merged(given[name], value) if isinstance(value, Mapping) else value for name, value in changes.items()
    }
