"""Administration of a Kafka cluster over one connection: topics, users with SCRAM-SHA-512, access control.

Uses aiokafka's connection and protocol classes. Any broker forwards these requests to the controller. Kafka puts
refusals into its answers, one code for each thing asked: every code is looked at. A connection comes from
`deploy.kafka.connection.session`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import for_code
from aiokafka.protocol.admin import (
    AlterConfigsRequest,
    CreateAclsRequest_v1,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteAclsRequest_v1,
    DescribeAclsRequest,
    DescribeConfigsRequest,
)
from aiokafka.protocol.metadata import MetadataRequest

from deploy.kafka.connection import TIMEOUT_MS, RefusedError
from deploy.kafka.protocol import SCRAM_SHA_512, AlterUserScramCredentials, Exactly

ITERATIONS = 8192  # at least 4096 by RFC 5802; Kafka takes up to 16384

# Codes of org.apache.kafka.common.{resource,acl}
ANY, TOPIC, GROUP = 1, 2, 3
LITERAL, PREFIXED = 3, 4
READ, WRITE, DESCRIBE = 3, 4, 8
ALLOW = 3
SET_ON_TOPIC = 1  # DescribeConfigsResponse.ConfigSource.TOPIC_CONFIG
NO_SUCH_USER = 91


class Acl(NamedTuple):
    """One rule of access, in the order and the numbers of the protocol."""

    resource: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int


def allow(user: str, operation: int, resource: int, name: str, pattern: int = LITERAL) -> Acl:
    return Acl(resource, name, pattern, f"User:{user}", "*", operation, ALLOW)


@dataclass(frozen=True)
class NewTopic:
    name: str
    partitions: int
    replicas: int
    configuration: Mapping[str, str]


async def partitions(link: AIOKafkaConnection) -> dict[str, int]:
    """How many partitions each topic has."""
    answer = await link.send(MetadataRequest(None, allow_auto_topic_creation=False))
    return {name: len(parts) for error, name, _, parts in answer.topics if error == 0}


async def configurations(link: AIOKafkaConnection, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """What was set on each topic itself; defaults are left out."""
    if not topics:
        return {}
    answer = await link.send(DescribeConfigsRequest([(TOPIC, name, None) for name in topics]))
    _check((code, name, message) for code, message, _, name, _ in answer.resources)
    return {
        name: {key: value for key, value, _, source, *_ in entries if source == SET_ON_TOPIC}
        for _, _, _, name, entries in answer.resources
    }


async def create_topics(link: AIOKafkaConnection, topics: Collection[NewTopic]) -> None:
    """Create the topics and wait until each partition has a leader. Raises RefusedError."""
    if not topics:
        return
    wanted: list[Any] = [(t.name, t.partitions, t.replicas, [], list(t.configuration.items())) for t in topics]
    answer = await link.send(CreateTopicsRequest(wanted, TIMEOUT_MS, validate_only=False))
    _check((code, name, message) for name, code, message in answer.topic_errors)
    async with asyncio.timeout(TIMEOUT_MS / 1000):
        while True:
            if await _led(link, {topic.name: topic.partitions for topic in topics}):
                return
            await asyncio.sleep(0.02)


async def _led(link: AIOKafkaConnection, topics: Mapping[str, int]) -> bool:
    answer = await link.send(MetadataRequest(list(topics), allow_auto_topic_creation=False))
    return all(
        len(parts) == topics[name] and all(leader >= 0 for _, _, leader, *_ in parts)
        for _, name, _, parts in answer.topics
    )


async def grow_topics(link: AIOKafkaConnection, counts: Mapping[str, int]) -> None:
    """Give each topic as many partitions as named. Raises RefusedError."""
    if not counts:
        return
    wanted = [(name, (count, None)) for name, count in counts.items()]
    answer = await link.send(CreatePartitionsRequest(wanted, TIMEOUT_MS, validate_only=False))
    _check((code, name, message) for name, code, message in answer.topic_errors)


async def configure_topics(link: AIOKafkaConnection, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Replace everything that is set on each topic. Raises RefusedError."""
    if not wanted:
        return
    resources = [(TOPIC, name, list(entries.items())) for name, entries in wanted.items()]
    answer = await link.send(AlterConfigsRequest(resources))
    _check((code, name, message) for code, message, _, name in answer.resources)


async def set_passwords(link: AIOKafkaConnection, passwords: Mapping[str, str]) -> None:
    """Make the users, or give them these passwords. Raises RefusedError."""
    if passwords:
        credentials = await asyncio.to_thread(lambda: [_credential(*pair) for pair in passwords.items()])
        answer = await link.send(Exactly(AlterUserScramCredentials([], credentials, {})))
        _check((code, user, message) for user, code, message, _ in answer.results)


def _credential(user: str, password: str) -> tuple[str, int, int, bytes, bytes, dict[int, bytes]]:
    salt = secrets.token_bytes(32)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return user, SCRAM_SHA_512, ITERATIONS, salt, salted, {}


async def delete_users(link: AIOKafkaConnection, users: Collection[str]) -> None:
    """Forget the users' passwords; one that is unknown is as it should be. Raises RefusedError."""
    if users:
        deletions: list[Any] = [(user, SCRAM_SHA_512, {}) for user in users]
        answer = await link.send(Exactly(AlterUserScramCredentials(deletions, [], {})))
        _check((code, user, text) for user, code, text, _ in answer.results if code != NO_SUCH_USER)


async def acls(link: AIOKafkaConnection) -> frozenset[Acl]:
    """All rules of access. Raises RefusedError."""
    answer = await link.send(DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY))
    _check([(answer.error_code, "ACL", answer.error_message)])
    return frozenset(
        Acl(resource, name, pattern, *rule) for resource, name, pattern, rules in answer.resources for rule in rules
    )


async def grant(link: AIOKafkaConnection, rules: Collection[Acl]) -> None:
    """Raises RefusedError."""
    if rules:
        answer = await link.send(Exactly(CreateAclsRequest_v1([tuple(rule) for rule in rules])))
        _check((code, str(rule), text) for rule, (code, text) in zip(rules, answer.creation_responses, strict=True))


async def revoke(link: AIOKafkaConnection, rules: Collection[Acl]) -> None:
    """Raises RefusedError."""
    if rules:
        answer = await link.send(Exactly(DeleteAclsRequest_v1([tuple(rule) for rule in rules])))
        _check((code, str(rule), text) for rule, (code, text, _) in zip(rules, answer.filter_responses, strict=True))


def _check(results: Iterable[tuple[int, str, str | None]]) -> None:
    """Raises RefusedError, naming everything that was refused, unless each code is 0."""
    refusals = [
        f"{subject}: {text or for_code(code).description} (mã · code {code})"
        for code, subject, text in results
        if code != 0
    ]
    if refusals:
        raise RefusedError("Kafka từ chối · Kafka refuses " + "; ".join(refusals))
