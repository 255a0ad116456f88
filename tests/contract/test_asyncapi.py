"""The AsyncAPI document is whole by the rules of AsyncAPI 3.0.0, and says what the services and the broker do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest
import yaml
from jsonschema import Draft202012Validator

from chassis.envelope import headers_of
from contracts.registry import EVENTS
from deploy.kafka.asyncapi import OPTIONAL_HEADERS
from deploy.kafka.documents import FOLDER
from tests.contract.examples import CERTIFICATES


@cache
def read(file: str) -> Any:
    return yaml.load((FOLDER / file).read_text("utf-8"), yaml.CSafeLoader)


DOCUMENT = read("asyncapi.yaml")
SEALED = {each.topic for each in CERTIFICATES if each.personal_data == "encrypted"}


def resolve(reference: str) -> Any:
    """What a reference means. Raises when there is nothing."""
    file, _, pointer = reference.partition("#")
    if file:
        return read(file)
    found: Any = DOCUMENT
    for part in pointer.strip("/").split("/"):
        found = found[part]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_it_has_what_asyncapi_3_requires() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= server.keys()
        variables = server.get("variables", {})
        assert all(f"{{{name}}}" in server["host"] for name in variables)
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(EVENTS)
    for reference in found:
        assert resolve(reference), reference


def test_every_topic_is_a_channel_with_its_key_partitions_and_retention() -> None:
    assert set(DOCUMENT["channels"]) == {each.topic for each in CERTIFICATES}
    for certificate in CERTIFICATES:
        channel = DOCUMENT["channels"][certificate.topic]
        kafka = channel["bindings"]["kafka"]
        days = -1 if certificate.retention is None else certificate.retention * 86_400_000
        assert (channel["address"], kafka["topic"]) == (certificate.topic, certificate.topic)
        assert kafka["partitions"] == certificate.partitions.production
        assert kafka["topicConfiguration"] == {"cleanup.policy": [certificate.cleanup], "retention.ms": days}
        assert channel["x-motcua"]["key"] == certificate.key


def test_owners_send_and_readers_receive_and_nobody_else() -> None:
    wanted = {(user, "send", each.topic) for each in CERTIFICATES for user in each.producers}
    wanted |= {(user, "receive", each.topic) for each in CERTIFICATES for user in each.readers}
    found = {
        (operation["tags"][0]["name"], operation["action"], operation["channel"]["$ref"].rsplit("/", 1)[1])
        for operation in DOCUMENT["operations"].values()
    }
    assert found == wanted


def test_every_event_is_one_message_of_its_topic_with_its_schema() -> None:
    placed = {
        message: topic for topic, channel in DOCUMENT["channels"].items() for message in channel.get("messages", ())
    }
    assert placed == {kind: data.TOPIC for kind, data in EVENTS.items()}
    for kind, data in EVENTS.items():
        payload = DOCUMENT["components"]["messages"][kind]["payload"]
        if data.TOPIC in SEALED:
            assert payload["contentMediaType"] == "application/jose"
        else:
            assert resolve(payload["$ref"])["$id"] == f"urn:motcua:schema:{kind}"


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("traced", [True, False])
def test_the_headers_that_services_send_are_those_described(kind: str, traced: bool) -> None:
    sealed = EVENTS[kind].TOPIC in SEALED
    sent = headers_of(
        UUID("019ea9f2-7a08-7b11-9c22-0d33e44f5501"),
        kind,
        "/motcua/intake",
        "G09.20-260609-0001",
        1,
        datetime(2026, 6, 9, 1, 15, tzinfo=UTC),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" if traced else None,
        sealed,
    )
    described = DOCUMENT["components"]["messages"][kind]["headers"]["allOf"]
    common = resolve(described[0]["$ref"])
    for part in (common, described[1]):
        Draft202012Validator(part).validate(sent)
    assert common["properties"].keys() - sent.keys() <= OPTIONAL_HEADERS
    assert sent.keys() <= common["properties"].keys()


def test_nothing_that_is_sealed_is_shown_in_the_clear() -> None:
    for kind, message in DOCUMENT["components"]["messages"].items():
        assert ("examples" in message) == (EVENTS[kind].TOPIC not in SEALED)
