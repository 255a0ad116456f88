"""How this process reaches Kafka."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed
from faststream.security import SASLScram512

from chassis.errors import Retry
from chassis.settings import Settings

REQUEST_TIMEOUT_MS = 15_000


@dataclass(frozen=True)
class Kafka:
    """Address and credentials: SCRAM-SHA-512, over TLS where a certificate authority is given."""

    bootstrap: str
    user: str
    password: str
    tls: ssl.SSLContext | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Kafka:
        tls = ssl.create_default_context(cafile=settings.kafka_tls_ca) if settings.kafka_tls_ca else None
        return cls(settings.kafka_bootstrap, settings.kafka_user, settings.kafka_password.get_secret_value(), tls)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of every aiokafka client."""
        return {"bootstrap_servers": self.bootstrap, **self._security()}

    def security(self) -> SASLScram512:
        """The same for FastStream."""
        return SASLScram512(self.user, self.password, ssl_context=self.tls, use_ssl=self.tls is not None)

    async def preflight(self) -> None:
        """Log in once, at the first broker that answers.

        Raises Retry with the true reason, which the clients' own start does not tell.
        """
        reason = ""
        for address in self.bootstrap.split(","):
            host, port = address.rsplit(":", 1)
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=5_000, **self._security())
            except SaslAuthenticationFailed:
                raise Retry(f"Kafka refuses the password of user {self.user}") from None
            except (OSError, TimeoutError, KafkaError) as error:
                reason = type(error).__name__
            else:
                connection.close()
                return
        raise Retry(f"Kafka is away: {reason} at {self.bootstrap}")

    async def reachable(self) -> None:
        """Dial the first broker that answers, without logging in: cheap enough to do every other second. Raises Retry."""
        for address in self.bootstrap.split(","):
            host, port = address.rsplit(":", 1)
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return
        raise Retry(f"Kafka is away: nobody answers at {self.bootstrap}")

    def _security(self) -> dict[str, Any]:
        return {
            "security_protocol": "SASL_SSL" if self.tls else "SASL_PLAINTEXT",
            "ssl_context": self.tls,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }
