"""The committed documents say what the code does, and both say it of the same data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from contracts.event import Data, events
from contracts.registry import EVENTS
from deploy.kafka import documents
from deploy.kafka.certificates import CertificateError
from tests.contract.examples import CERTIFICATES, bad, first, good

FORMATS = FormatChecker(["date", "uuid"])


@FORMATS.checks("date-time", raises=ValueError)
def _has_an_offset(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def schema_of(kind: str) -> Draft202012Validator:
    schema = json.loads((documents.FOLDER / "schemas" / f"{kind}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


def read(kind: str, data: Any) -> Data:
    return EVENTS[kind].model_validate_json(json.dumps(data))


def test_the_committed_documents_are_those_of_the_contracts() -> None:
    found = list(documents.differences())
    assert not found, "\n".join([*found, "run: motcua contracts generate"])


def test_generating_twice_gives_the_same_bytes() -> None:
    assert documents.documents(CERTIFICATES, EVENTS) == documents.documents(CERTIFICATES, EVENTS)


def test_every_event_is_certified_on_its_own_topic_and_nowhere_else() -> None:
    assert list(documents.disagreements(CERTIFICATES, EVENTS)) == []


def test_an_event_without_a_certificate_is_named_and_nothing_is_generated() -> None:
    class Forgotten(Data):
        """Nobody certified it."""

    (forgotten,) = events("dossiers.v1", "vn.motcua.dossier", {"forgotten": Forgotten})
    with pytest.raises(CertificateError, match=r"vn\.motcua\.dossier\.forgotten\.v1.*dossiers\.v1"):
        documents.documents(CERTIFICATES, {**EVENTS, forgotten.TYPE: forgotten})


def test_a_certified_type_without_a_class_is_named() -> None:
    kind = "vn.motcua.payment.opened.v1"
    remaining = {name: data for name, data in EVENTS.items() if name != kind}
    assert [line for line in documents.disagreements(CERTIFICATES, remaining) if kind in line]


def test_every_event_has_a_good_example_and_two_bad_ones() -> None:
    certified = [event for certificate in CERTIFICATES for event in certificate.events]
    poor = [event.type for event in certified if len(event.examples) < 1 or len(event.bad_examples) < 2]
    assert poor == []


@pytest.mark.parametrize("kind", EVENTS)
def test_a_class_asks_for_nothing_that_its_schema_does_not_say(kind: str) -> None:
    """Every time has an offset, and no class has checks of its own: a schema could not show that they changed."""
    nodes = list(_nodes(EVENTS[kind].__pydantic_core_schema__))
    assert nodes
    assert [node for node in nodes if node["type"] == "datetime" and node.get("tz_constraint") != "aware"] == []
    assert [node for node in nodes if str(node["type"]).startswith("function-")] == []


@pytest.mark.parametrize(("kind", "example"), good())
def test_a_good_example_is_accepted_by_the_class_and_by_the_published_schema(kind: str, example: Any) -> None:
    read(kind, example)
    schema_of(kind).validate(example)


@pytest.mark.parametrize(("kind", "example"), bad())
def test_a_bad_example_is_refused_by_both_and_for_one_reason_only(kind: str, example: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        read(kind, example)
    assert refused.value.error_count() == 1
    assert not schema_of(kind).is_valid(example)


@pytest.mark.parametrize("kind", EVENTS)
def test_a_newer_event_passes_through_an_older_reader_whole(kind: str) -> None:
    """Fields that this version does not know are kept, at the top and inside, and the schema lets them in."""
    newer = _with_more(first(kind))
    schema_of(kind).validate(newer)
    again = json.loads(read(kind, newer).model_dump_json())
    assert _keeps(again, newer), (again, newer)


@pytest.mark.parametrize("kind", EVENTS)
def test_what_a_class_writes_fits_the_published_schema(kind: str) -> None:
    schema_of(kind).validate(json.loads(read(kind, first(kind)).model_dump_json()))


def test_stale_and_missing_files_are_found_named_and_put_right(tmp_path: Path) -> None:
    (tmp_path / "topics").symlink_to(documents.FOLDER / "topics")
    documents.write(tmp_path)
    assert list(documents.differences(tmp_path)) == []
    (tmp_path / "schemas" / "vn.motcua.dossier.gone.v1.json").write_text("{}")
    (tmp_path / "schemas" / "vn.motcua.dossier.returned.v1.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.6.0")
    names = {"schemas/vn.motcua.dossier.gone.v1.json", "schemas/vn.motcua.dossier.returned.v1.json", "asyncapi.yaml"}
    assert {line.split(":")[0] for line in documents.differences(tmp_path)} == names
    assert set(documents.write(tmp_path)) == names
    assert list(documents.differences(tmp_path)) == []


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """The parts of a class' validation, as pydantic compiles it."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        for each in value.values():
            yield from _nodes(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _nodes(each)


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: _with_more(each) for name, each in value.items()}, "added_later": {"by": "v2"}}
    return [_with_more(each) for each in value] if isinstance(value, list) else value


def _keeps(found: Any, wanted: Any) -> bool:
    """Everything of `wanted` is in `found`; times may be written another way."""
    if isinstance(wanted, dict):
        return all(name in found and _keeps(found[name], each) for name, each in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_keeps, found, wanted))
    return bool(found == wanted) or datetime.fromisoformat(found) == datetime.fromisoformat(wanted)
