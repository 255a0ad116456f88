"""Logging in to a Kafka cluster, so that a wrong password is told apart from a broker that is away.

AdministrationError
├── BrokerAwayError       nobody answers at the address, or the connection was lost
├── WrongPasswordError    somebody answers, and does not know this user with this password
└── RefusedError          the cluster said no to one request; the text says to what and why
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

MECHANISM = "SCRAM-SHA-512"
TIMEOUT_MS = 15_000


class AdministrationError(Exception):
    """The cluster could not be administered; the text is a sentence for people."""


class BrokerAwayError(AdministrationError):
    """Nobody answers at the address."""


class WrongPasswordError(AdministrationError):
    """The broker answers, and refuses this user with this password."""


class RefusedError(AdministrationError):
    """The cluster refused one request."""


@dataclass(frozen=True)
class Connection:
    """Where a cluster is and who asks: `bootstrap` is `HOST:PORT[,HOST:PORT…]`, `tls` is None on loopback only."""

    bootstrap: str
    user: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments by which aiokafka's connections, producers and consumers log in."""
        return {
            "security_protocol": "SASL_SSL" if self.tls else "SASL_PLAINTEXT",
            "ssl_context": self.tls,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }


@asynccontextmanager
async def session(connection: Connection, timeout_ms: int = TIMEOUT_MS) -> AsyncIterator[AIOKafkaConnection]:
    """A logged-in connection to the first broker of the bootstrap list that answers.

    Raises WrongPasswordError and BrokerAwayError, also when the connection is lost on the way.
    """
    link = await _connect(connection, timeout_ms)
    try:
        yield link
    except (KafkaError, TimeoutError) as error:
        raise BrokerAwayError(f"Mất kết nối Kafka tại {connection.bootstrap} · lost Kafka: {error!r}") from error
    finally:
        link.close()


async def _connect(connection: Connection, timeout_ms: int) -> AIOKafkaConnection:
    reason: Exception | None = None
    for address in connection.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            return await create_conn(host, int(port), request_timeout_ms=timeout_ms, **connection.options)
        except SaslAuthenticationFailed as error:
            raise WrongPasswordError(
                f"Kafka từ chối mật khẩu của {connection.user} · Kafka refuses the password of {connection.user}"
            ) from error
        except (KafkaError, OSError, TimeoutError) as error:
            reason = error
    raise BrokerAwayError(
        f"Không gặp được Kafka tại {connection.bootstrap} · no Kafka at {connection.bootstrap}: {reason!r}"
    ) from reason


async def can_log_in(connection: Connection) -> bool:
    """Whether the user has this password. Raises BrokerAwayError."""
    try:
        async with session(connection):
            return True
    except WrongPasswordError:
        return False
