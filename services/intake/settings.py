"""What intake is told beyond what every service is."""

from __future__ import annotations

from pydantic import SecretStr

from chassis.settings import Settings


class IntakeSettings(Settings):
    """`contacts_key` seals contacts.v1: 32 bytes in base64url."""

    contacts_key: SecretStr
