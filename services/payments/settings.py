"""What payments is told beyond what every service is."""

from __future__ import annotations

from pydantic import Field, SecretStr

from chassis.settings import Settings


class PaymentsSettings(Settings):
    """`gateways`: those that are offered, in order of preference; one without its url is not.

    `return_url` is where the payer's browser lands after a gateway's page; `{code}` is the dossier's code.
    `gateway_webhook_secret` may be several, separated by commas, while one is rotated. `payer_key` seals what a payer
    types for a gateway that asks for it, `link_key` signs links that let others pay and look, and receipts
    (several, separated by commas: the first signs, all are read), `bank_keys` are those of
    payers' banks that may inquire, by the bank's name. `statement_seconds` is how often bank statements are looked at.
    `bank_name` and `bank_holder` are how people name our bank and whose account it is.
    `public_url` is where payers' browsers reach this service. Of a payer's address the proxies in `trusted_proxies` are
    believed: networks, separated by commas.
    """

    gateways: str = "stripe,vnpay,vietqr,national"
    return_url: str
    public_url: str = "http://127.0.0.1:8080"
    trusted_proxies: str = ""

    gateway_url: str
    gateway_secret_key: SecretStr
    gateway_webhook_secret: SecretStr

    vnpay_url: str | None = None
    vnpay_terminal: str = ""
    vnpay_secret: SecretStr = SecretStr("")

    bank_url: str | None = None
    bank_key: SecretStr = SecretStr("")
    bank_webhook_secret: SecretStr = SecretStr("")
    bank_bin: str = ""
    bank_account: str = ""
    bank_name: str = ""
    bank_holder: str = ""

    national_url: str | None = None
    national_partner: str = ""
    national_secret: SecretStr = SecretStr("")

    payer_key: SecretStr | None = None
    link_key: SecretStr = SecretStr("")
    bank_keys: dict[str, SecretStr] = Field(default_factory=dict)
    statement_seconds: float = 30.0
