"""Birth certificates of topics, `contracts/topics/*.yaml`: who owns a topic, who reads it, how it is keyed and kept.

A certificate is one YAML mapping in a file named after its topic:

    topic: payments.v1                  # NAME.vN; another key or clean-up is another N
    description: {vi: …, en: …}
    owner: payments                     # the service that answers for it and writes it
    writers: [agencies]                 # only where others than the owner write it, instead of the owner
    readers: [intake, status]
    key: dossier_code                   # what events are partitioned and ordered by
    partitions: {local: 6, production: 48}
    cleanup: delete                     # or compact: the last event of each key is kept for ever
    retention: 90                       # days; null keeps everything (always null when compacted)
    compatibility: backward             # backward | forward | full: what a new schema must still do
    personal_data: none                 # none | encrypted: plain personal data is on no topic
    events:
      - type: vn.motcua.payment.opened.v1
        examples: [{…}]
        bad_examples: [{why: …, data: {…}}]
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

FOLDER = Path(__file__).resolve().parents[2] / "contracts" / "topics"
RESERVED = frozenset({"admin", "broker", "ops"})
RECORDS_TOPIC = "certificates.v1"

Environment = Literal["local", "production"]


class CertificateError(Exception):
    """One or more certificates are not as they must be; the text has a line for each fault."""


def _composed(text: str) -> str:
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("must be composed Unicode (NFC)")
    return text


def _not_reserved(user: str) -> str:
    if user in RESERVED:
        raise ValueError(f"{user} is a user of the cluster itself")
    return user


Text = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1), AfterValidator(_composed)]
User = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9-]{0,62}$"), AfterValidator(_not_reserved)]
TopicName = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9-]*\.v[1-9][0-9]*$", max_length=100)]
Key = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
EventType = Annotated[str, StringConstraints(strict=True, pattern=r"^vn\.motcua(\.[a-z][a-z0-9-]*)+\.v[1-9][0-9]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Description(_Strict):
    vi: Text
    en: Text


class Partitions(_Strict):
    local: PositiveInt
    production: PositiveInt

    def of(self, environment: Environment) -> int:
        return self.local if environment == "local" else self.production


class BadExample(_Strict):
    """Data that a reader must refuse, and why."""

    why: Text
    data: Any


class EventContract(_Strict):
    """One type of event: what it may look like and what it must never look like."""

    type: EventType
    examples: tuple[dict[str, Any], ...]
    bad_examples: tuple[BadExample, ...] = ()


class Certificate(_Strict):
    """Everything about one topic that its users must agree on."""

    topic: TopicName
    description: Description
    owner: User
    writers: tuple[User, ...] = ()
    readers: tuple[User, ...]
    key: Key
    partitions: Partitions
    cleanup: Literal["delete", "compact"]
    retention: PositiveInt | None
    compatibility: Literal["backward", "forward", "full"]
    personal_data: Literal["none", "encrypted"]
    events: tuple[EventContract, ...]

    @property
    def producers(self) -> tuple[str, ...]:
        """Who writes the topic."""
        return self.writers or (self.owner,)

    @property
    def users(self) -> frozenset[str]:
        """Everyone whom the topic concerns."""
        return frozenset({self.owner, *self.producers, *self.readers})

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.topic == RECORDS_TOPIC:
            raise ValueError(f"{RECORDS_TOPIC} holds what was applied and needs no certificate")
        if self.cleanup == "compact" and self.retention is not None:
            raise ValueError("a compacted topic keeps the last event of each key: retention must be null")
        if self.writers == (self.owner,):
            raise ValueError("writers: leave it out where only the owner writes")
        types = [event.type for event in self.events]
        for name, values in (("readers", self.readers), ("writers", self.writers), ("events", types)):
            if twice := sorted({value for value in values if list(values).count(value) > 1}):
                raise ValueError(f"{name}: named twice: {', '.join(twice)}")
        return self


class _Loader(yaml.CSafeLoader):
    """YAML in which naming a key twice is a mistake, not a choice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is named twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load(folder: Path = FOLDER) -> tuple[Certificate, ...]:
    """All certificates of a folder, by topic name.

    Raises CertificateError with every fault of every file; OSError when the folder cannot be read.
    """
    certificates: list[Certificate] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            certificates.append(parse(path.read_text(encoding="utf-8"), path.name))
        except CertificateError as error:
            faults.append(str(error))
        except UnicodeDecodeError as error:
            faults.append(f"{path.name}: không phải UTF-8 · not UTF-8: {error.reason}")
    if not certificates and not faults:
        faults.append(f"{folder}: không có giấy khai sinh nào · no certificates")
    if faults:
        raise CertificateError("\n".join(faults))
    return tuple(sorted(certificates, key=lambda certificate: certificate.topic))


def parse(text: str, file_name: str) -> Certificate:
    """One certificate. Raises CertificateError, a line `FILE: FIELD: FAULT` for each fault."""
    try:
        certificate = Certificate.model_validate(yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise CertificateError(f"{file_name}: YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise CertificateError(
            "\n".join(
                f"{file_name}: {'.'.join(map(str, fault['loc'])) or 'certificate'}: {fault['msg']}"
                for fault in error.errors()
            )
        ) from error
    if file_name != f"{certificate.topic}.yaml":
        raise CertificateError(f"{file_name}: topic: the file must be named {certificate.topic}.yaml")
    return certificate
