"""CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the data is the value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from aiokafka import ConsumerRecord
from pydantic import BaseModel, ValidationError

from chassis.errors import Park
from chassis.identifiers import id_of
from chassis.origin import Headers, Sent, identity, is_ours, required
from chassis.record_batches import UNOPENED
from chassis.sealing import Sealer

D = TypeVar("D", bound=BaseModel, covariant=True)


class Event(NamedTuple, Generic[D]):
    """One event as its reader understands it: one of an older version is told as the newer one that is wanted.

    `subject` names the thing it happened to, `sequence` counts the events of one aggregate from 1 without a gap.
    Of a stranger's, whose source is not ours, `id` follows from all that it says (see `identity`), its trace is its
    own affair, and `sent` has it as it came.
    """

    id: UUID
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    data: D
    traceparent: str | None = None
    sent: Sent | None = None


class Tombstone(BaseModel):
    """A record without a value on a compacted topic: everything about its key is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A record of a known or future kind that this reader has no use for."""

    type: str


@dataclass(frozen=True, slots=True)
class _Step:
    """From one version's data to the next newer one's."""

    newer: type[BaseModel]
    kind: str
    upcast: Callable[[Any], BaseModel]


class Reader:
    """Turns records into events; knows the types it may meet and the seals it can open.

    A data class of the registry may have `OLDER`: the `data` class of the version before it, and `upcast`, how what
    that says becomes its own. Whoever wants a version is given older ones as that version.
    """

    def __init__(self, registry: Mapping[str, type[BaseModel]], sealers: Mapping[str, Sealer]) -> None:
        self._registry, self._sealers = registry, sealers
        older = {data: before for data in registry.values() if (before := getattr(data, "OLDER", None)) is not None}
        self._older: dict[type[BaseModel], type[BaseModel]] = {data: before.data for data, before in older.items()}
        self._newer: dict[type[BaseModel], _Step] = {
            older[data].data: _Step(data, kind, older[data].upcast) for kind, data in registry.items() if data in older
        }

    def read(self, record: ConsumerRecord[Any, Any], wanted: Sequence[type[BaseModel]]) -> Event[BaseModel] | Unwanted:
        """The event of a record.

        Raises Park, with the reason, for whatever cannot be understood: no headers, an unknown type or version, no
        value where nobody is to be forgotten, a value that is not the type's data, a version newer than the one that
        is wanted. A known type of which no version is in `wanted` is Unwanted.
        """
        headers = text_headers(record.headers)
        if not "".join(headers).isascii():
            _refuse_bytes(headers)
        if UNOPENED in headers:
            raise Park(headers[UNOPENED])
        if record.value is None:
            if Tombstone not in wanted:
                raise Park("no value")
            return _tombstone(record, headers)
        kind = required(headers, "ce_type")
        data_type = self._registry.get(kind)
        if data_type is None:
            raise Park(f"unknown type or version: {kind}")
        steps = self._steps(kind, data_type, wanted)
        if steps is None:
            return Unwanted(kind)
        sealer = self._sealers.get(record.topic)
        value = sealer.open(record.value) if sealer else record.value
        source = required(headers, "ce_source")
        ours = is_ours(source)
        try:
            return Event(
                id=identity(headers, record.value),
                type=steps[-1].kind if steps else kind,
                source=source,
                subject=required(headers, "ce_subject"),
                sequence=_sequence(required(headers, "ce_sequence")),
                time=_time(required(headers, "ce_time")),
                data=_upcast(data_type.model_validate_json(value), steps),
                traceparent=headers.get("traceparent") if ours else None,
                sent=None if ours else Sent(headers, record.value),
            )
        except ValidationError as error:
            places = ", ".join(".".join(map(str, each["loc"])) or "value" for each in error.errors(include_input=False))
            raise Park(f"not the data of {kind}: {places}") from None
        except ValueError as error:
            raise Park(f"bad header: {error}") from None

    def _steps(self, kind: str, found: type[BaseModel], wanted: Sequence[type[BaseModel]]) -> Sequence[_Step] | None:
        """The way from what was found to what is wanted; None when no version of it is wanted. Raises Park."""
        steps, at = list[_Step](), found
        while at not in wanted:
            step = self._newer.get(at)
            if step is None:
                break
            steps.append(step)
            at = step.newer
        else:
            return steps
        before = self._older.get(found)
        while before is not None:
            if before in wanted:
                raise Park(f"{kind} is newer than what is understood here")
            before = self._older.get(before)
        return None


def _upcast(data: BaseModel, steps: Sequence[_Step]) -> BaseModel:
    """What an older version says, in the newest. Raises Park, without the values, when that cannot be said."""
    for step in steps:
        try:
            data = step.upcast(data)
        except Exception as error:
            raise Park(f"does not become {step.kind}: {type(error).__name__}") from None
    return data


def _refuse_bytes(names: Iterable[str]) -> None:
    """Raises Park for a name that is not UTF-8, which is kept as lone surrogates: Kafka says that names are UTF-8."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Park(f"a header's name is not UTF-8: {name!a}") from None


def text_headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers as text; one that is not UTF-8, holds a null byte or has no value is left out, the last of a name wins."""
    with suppress(UnicodeDecodeError, AttributeError):
        found = {name: value.decode() for name, value in headers}  # type: ignore[union-attr]
        if "\x00" not in "".join(found.values()):
            return found
    found = {}
    for name, value in headers:
        with suppress(UnicodeDecodeError):
            if value is not None and b"\x00" not in value:
                found[name] = value.decode()
    return found


def headers_of(
    event_id: UUID,
    kind: str,
    source: str,
    subject: str,
    sequence: int,
    time: datetime,
    traceparent: str | None,
    sealed: bool,
) -> dict[str, str]:
    """The headers that a record of this event carries."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_type": kind,
        "ce_source": source,
        "ce_subject": subject,
        "ce_sequence": str(sequence),
        "ce_time": time.isoformat(),
        "ce_dataschema": f"urn:motcua:schema:{kind}",
        "content-type": "application/jose" if sealed else "application/json",
    }
    if traceparent:
        headers["traceparent"] = traceparent
    return headers


def _sequence(text: str) -> int:
    number = int(text)
    if not 1 <= number < 2**63:
        raise ValueError("ce_sequence counts from 1, in 64 bits")
    return number


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.utcoffset() is None:
        raise ValueError(f"ce_time has no offset: {text!r}")
    return time


def _tombstone(record: ConsumerRecord[Any, Any], headers: Headers) -> Event[Tombstone]:
    place = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        return Event(
            id=id_of(headers["ce_id"]) if "ce_id" in headers else uuid5(NAMESPACE_URL, place),
            type="tombstone",
            source=headers.get("ce_source", "unknown"),
            subject=(record.key or b"").decode(),
            sequence=int(headers.get("ce_sequence", "0")),
            time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            data=Tombstone(),
            traceparent=headers.get("traceparent"),
        )
    except ValueError as error:
        raise Park(f"bad tombstone: {error}") from None
