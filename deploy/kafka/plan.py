"""What must be done to a cluster so that it is as the certificates say; nothing here talks to one.

A topic is never shrunk, re-keyed or given another clean-up policy. It grows only while no event was ever written to
it, for a key's later events would land on another partition than its earlier ones and overtake them. When
one topic is refused, nothing at all is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from deploy.kafka.admin import DESCRIBE, GROUP, PREFIXED, READ, TOPIC, WRITE, Acl, NewTopic, allow
from deploy.kafka.certificates import Certificate, Environment

MONITOR = "ops"
DAY_MS = 24 * 60 * 60 * 1000
ERASED_WITHIN_MS = 60 * 60 * 1000
REPLICAS: Mapping[Environment, int] = {"local": 1, "production": 3}


class Record(BaseModel):
    """What was applied for a topic, for Kafka itself knows no key and no owner."""

    model_config = ConfigDict(frozen=True)

    key: str
    users: tuple[str, ...]

    @classmethod
    def of(cls, certificate: Certificate) -> Record:
        return cls(key=certificate.key, users=tuple(sorted(certificate.users)))


@dataclass(frozen=True)
class FoundTopic:
    """A topic as it is; `written` is False only where it is known that no event was ever written to it."""

    partitions: int
    configuration: Mapping[str, str]
    written: bool


@dataclass(frozen=True)
class Found:
    """A cluster as it is. `users` are those who can log in with the password they should have."""

    topics: Mapping[str, FoundTopic] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    acls: frozenset[Acl] = frozenset()
    users: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Line:
    """What becomes of one topic or user, and why. `left`: it has no certificate any more, and stays as it is."""

    outcome: Literal["created", "changed", "unchanged", "refused", "left"]
    subject: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    lines: tuple[Line, ...]

    @property
    def refusals(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.outcome == "refused")

    @property
    def changes(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.outcome in ("created", "changed"))

    def as_json(self) -> dict[str, Any]:
        return {"ok": not self.refusals, "lines": [asdict(line) for line in self.lines]}


@dataclass
class Plan:
    """What is to be done, in this order; nothing when the report holds a refusal."""

    revoke: frozenset[Acl] = frozenset()
    retire: tuple[str, ...] = ()
    passwords: tuple[str, ...] = ()
    create: list[NewTopic] = field(default_factory=list)
    grow: dict[str, int] = field(default_factory=dict)
    configure: dict[str, Mapping[str, str]] = field(default_factory=dict)
    grant: frozenset[Acl] = frozenset()
    records: dict[str, Record] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    @property
    def report(self) -> Report:
        return Report(tuple(self.lines))


def services(certificates: Iterable[Certificate]) -> frozenset[str]:
    """Who has a user of the cluster because a certificate names it."""
    return frozenset().union(*(certificate.users for certificate in certificates))


def configuration(certificate: Certificate, environment: Environment) -> dict[str, str]:
    """Everything that is set on the topic."""
    settings = {
        "cleanup.policy": certificate.cleanup,
        "min.insync.replicas": str(max(1, REPLICAS[environment] - 1)),
        "retention.ms": str(certificate.retention * DAY_MS if certificate.retention else -1),
    }
    if certificate.cleanup == "compact" and certificate.personal_data != "none":
        # A tombstone erases only what the cleaner reaches, and it leaves the segment in use alone.
        settings["max.compaction.lag.ms"] = str(ERASED_WITHIN_MS)
    return settings


def rules(certificates: Iterable[Certificate]) -> frozenset[Acl]:
    """The least that each service needs, and the monitor's view of lag."""
    wanted = {allow(MONITOR, DESCRIBE, TOPIC, "*"), allow(MONITOR, DESCRIBE, GROUP, "*")}
    for certificate in certificates:
        for writer in certificate.producers:
            wanted |= {
                allow(writer, WRITE, TOPIC, certificate.topic),
                allow(writer, DESCRIBE, TOPIC, certificate.topic),
            }
        for reader in certificate.readers:
            wanted |= {
                allow(reader, READ, TOPIC, certificate.topic),
                allow(reader, READ, GROUP, f"{reader}.", PREFIXED),
            }
    return frozenset(wanted)


def plan(certificates: Collection[Certificate], found: Found, environment: Environment) -> Plan:
    """Compare and decide."""
    todo = Plan()
    for certificate in certificates:
        _plan_topic(certificate, found, environment, todo)
    named = {certificate.topic for certificate in certificates}
    todo.lines += [
        Line("left", topic, "không còn giấy khai sinh · no certificate") for topic in found.records.keys() - named
    ]
    _plan_users(certificates, found, todo)
    if todo.report.refusals:
        refused = [line for line in todo.lines if line.outcome in ("refused", "unchanged", "left")]
        return Plan(lines=refused)
    return todo


def _plan_topic(certificate: Certificate, found: Found, environment: Environment, todo: Plan) -> None:
    name, settings = certificate.topic, configuration(certificate, environment)
    count = certificate.partitions.of(environment)
    topic, record = found.topics.get(name), found.records.get(name)
    if record != Record.of(certificate):
        todo.records[name] = Record.of(certificate)
    if topic is None:
        todo.create.append(NewTopic(name, count, REPLICAS[environment], settings))
        todo.lines.append(Line("created", name, f"{count} phân vùng · partitions"))
        return
    if reason := _refusal(certificate, count, topic, record):
        todo.lines.append(Line("refused", name, reason))
        return
    changes = [
        f"{key}: {topic.configuration.get(key, '–')} → {settings.get(key, '–')}"
        for key in sorted(settings.keys() | topic.configuration.keys())
        if settings.get(key) != topic.configuration.get(key)
    ]
    if changes:
        todo.configure[name] = settings
    if count > topic.partitions:
        todo.grow[name] = count
        changes.append(f"phân vùng · partitions: {topic.partitions} → {count}")
    todo.lines.append(Line("changed" if changes else "unchanged", name, "; ".join(changes)))


def _refusal(certificate: Certificate, count: int, topic: FoundTopic, record: Record | None) -> str | None:
    """Why the topic must stay as it is, though its certificate differs; None where it may follow it."""
    successor = "lập chủ đề phiên bản mới · make a topic with a new version number"
    cleanup = topic.configuration.get("cleanup.policy", "delete")
    if record is None and topic.written:
        return "đã có sự kiện mà không rõ khóa · holds events and nobody knows their key"
    if record is not None and record.key != certificate.key:
        return f"không đổi khóa · will not re-key: {record.key} → {certificate.key}; {successor}"
    if cleanup != certificate.cleanup:
        return f"không đổi cách dọn · will not change the clean-up: {cleanup} → {certificate.cleanup}; {successor}"
    if count < topic.partitions:
        return f"không bớt phân vùng · will not shrink: {topic.partitions} → {count}; {successor}"
    if count > topic.partitions and topic.written:
        return (
            f"không thêm phân vùng khi đã có sự kiện (thứ tự theo khóa sẽ hỏng) · will not grow with events in it, "
            f"their order by key would break: {topic.partitions} → {count}; {successor}"
        )
    return None


def _plan_users(certificates: Collection[Certificate], found: Found, todo: Plan) -> None:
    wanted, current = rules(certificates), services(certificates) | {MONITOR}
    retired = frozenset(user for record in found.records.values() for user in record.users) - current
    managed = {f"User:{user}" for user in current | retired}
    todo.grant = wanted - found.acls
    todo.revoke = frozenset(rule for rule in found.acls - wanted if rule.principal in managed)
    todo.passwords = tuple(sorted(current - found.users))
    todo.retire = tuple(sorted(user for user in retired if any(a.principal == f"User:{user}" for a in found.acls)))
    for user in sorted(current | set(todo.retire)):
        mine = f"User:{user}"
        more = sum(rule.principal == mine for rule in todo.grant)
        less = sum(rule.principal == mine for rule in todo.revoke)
        changed = more or less or user in todo.passwords
        detail = f"+{more} −{less} quyền · rights" + (", mật khẩu · password" if user in todo.passwords else "")
        todo.lines.append(Line("changed" if changed else "unchanged", f"user {user}", detail if changed else ""))
