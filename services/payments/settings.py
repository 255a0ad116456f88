"""What payments is told beyond what every service is."""

from __future__ import annotations

from pydantic import SecretStr

from chassis.settings import Settings


class PaymentsSettings(Settings):
    """`return_url` is where the citizen's browser lands after the gateway's page; `{code}` is the dossier's code."""

    gateway_url: str
    gateway_secret_key: SecretStr
    gateway_webhook_secret: SecretStr
    return_url: str
