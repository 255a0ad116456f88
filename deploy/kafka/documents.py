"""The contracts as other systems read them: a JSON Schema for each event, one AsyncAPI document for all topics.

Made from the event classes and the topic certificates, always the same bytes for the same contracts, and committed,
so that a change of what is promised shows in every review.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from contracts.event import Data
from contracts.registry import EVENTS
from deploy.kafka.asyncapi import document
from deploy.kafka.certificates import Certificate, CertificateError, load

FOLDER = Path(__file__).resolve().parents[2] / "contracts"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Plain(GenerateJsonSchema):
    """pydantic's schema without a title on every field, which would only repeat the field's name."""

    schema_dialect = DIALECT

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def documents(certificates: Collection[Certificate], events: Mapping[str, type[Data]]) -> dict[str, str]:
    """Every generated file by its path below `contracts/`.

    Raises CertificateError when the certificates and the classes do not speak of the same events.
    """
    if faults := list(disagreements(certificates, events)):
        raise CertificateError("\n".join(faults))
    files = {f"schemas/{kind}.json": _text(schema(kind, data)) for kind, data in sorted(events.items())}
    return {**files, "asyncapi.yaml": document(certificates, events)}


def disagreements(certificates: Collection[Certificate], events: Mapping[str, type[Data]]) -> Iterator[str]:
    """Events that have a class but no certificate or more than one, or a certificate but no class, or another topic."""
    topics: dict[str, list[str]] = {kind: [] for kind in events}
    for certificate in certificates:
        for event in certificate.events:
            topics.setdefault(event.type, []).append(certificate.topic)
    for kind, claimed in topics.items():
        if kind not in events:
            yield f"{claimed[0]}.yaml: {kind}: không có lớp sự kiện · no event class"
        elif claimed != [events[kind].TOPIC]:
            named = ", ".join(claimed) or "–"
            yield f"{kind}: thuộc · belongs to {events[kind].TOPIC}, giấy khai sinh · certificates: {named}"


def schema(kind: str, data: type[Data]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one type's data; fields that it does not name are welcome."""
    generated = data.model_json_schema(schema_generator=_Plain)
    return {
        "$schema": DIALECT,
        "$id": f"urn:motcua:schema:{kind}",
        **generated,
        "title": title(kind),
    }


def title(kind: str) -> str:
    """A type's name as programs write it: `DossierFeesRequestedV1` of `vn.motcua.dossier.fees-requested.v1`."""
    return "".join(word.capitalize() for word in re.split(r"[.-]", kind.removeprefix("vn.motcua.")))


def differences(folder: Path = FOLDER) -> Iterator[str]:
    """What is not as it must be in `folder`, a line for each file; nothing when all is current.

    Raises CertificateError, OSError.
    """
    wanted = documents(load(folder / "topics"), EVENTS)
    for name, text in wanted.items():
        path = folder / name
        if not path.exists():
            yield f"{name}: chưa có · missing"
        elif path.read_text("utf-8") != text:
            yield f"{name}: đã cũ · out of date"
    for stale in _stale(folder, wanted):
        yield f"{stale.relative_to(folder)}: không còn sự kiện này · no such event any more"


def write(folder: Path = FOLDER) -> list[str]:
    """Bring the files of `folder` up to date; the names of those that changed. Raises CertificateError, OSError."""
    wanted = documents(load(folder / "topics"), EVENTS)
    changed = []
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(name)
    for stale in _stale(folder, wanted):
        stale.unlink()
        changed.append(str(stale.relative_to(folder)))
    return changed


def _stale(folder: Path, wanted: Collection[str]) -> list[Path]:
    return [path for path in sorted(folder.glob("schemas/*.json")) if str(path.relative_to(folder)) not in wanted]


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
