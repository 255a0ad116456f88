"""The adapters that the settings give an address, each over a transport that is watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chassis.sealing import Sealer
from services.payments.adapters import national_client, stripe_http, vietqr_api, vnpay
from services.payments.adapters.breaker import Breaker, watched
from services.payments.adapters.national import National
from services.payments.adapters.national_services import directory
from services.payments.adapters.stripe import Stripe
from services.payments.adapters.vietqr import VietQr
from services.payments.adapters.vnpay import Vnpay
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import GATEWAYS
from services.payments.settings import PaymentsSettings


def configured(
    settings: PaymentsSettings, clock: Callable[[], float]
) -> tuple[Sequence[Gateway], Mapping[str, Breaker]]:
    """The gateways that have an address, and how each does.

    Raises ValueError for a name in `gateways` that nobody knows, and for an address without what is needed there.
    """
    unknown = {name.strip() for name in settings.gateways.split(",") if name.strip()} - GATEWAYS.keys()
    if unknown:
        raise ValueError(f"MOTCUA_GATEWAYS names {', '.join(sorted(unknown))}; known are {', '.join(GATEWAYS)}")
    breakers = {name: Breaker(clock) for name in GATEWAYS}
    made = {
        "stripe": _stripe(settings, breakers["stripe"]),
        "vnpay": _vnpay(settings, breakers["vnpay"]),
        "vietqr": _vietqr(settings, breakers["vietqr"]),
        "national": _national(settings, breakers["national"]),
    }
    gateways = [gateway for gateway in made.values() if gateway is not None]
    return gateways, {gateway.name: breakers[gateway.name] for gateway in gateways}


def _stripe(settings: PaymentsSettings, breaker: Breaker) -> Gateway | None:
    if not settings.gateway_url:
        return None
    key = settings.gateway_secret_key.get_secret_value()
    _needs(settings, "gateway_url", "gateway_secret_key", "gateway_webhook_secret")
    secrets = _several(settings.gateway_webhook_secret.get_secret_value())
    return Stripe(stripe_http.client(settings.gateway_url, key, watched(breaker)), secrets)


def _vnpay(settings: PaymentsSettings, breaker: Breaker) -> Gateway | None:
    if not settings.vnpay_url:
        return None
    _needs(settings, "vnpay_url", "vnpay_terminal", "vnpay_secret")
    secret = settings.vnpay_secret.get_secret_value()
    return Vnpay(vnpay.client(settings.vnpay_url, watched(breaker)), settings.vnpay_terminal, secret)


def _vietqr(settings: PaymentsSettings, breaker: Breaker) -> Gateway | None:
    if not settings.bank_url:
        return None
    _needs(settings, "bank_url", "bank_key", "bank_webhook_secret", "bank_bin", "bank_account")
    client = vietqr_api.client(settings.bank_url, settings.bank_key.get_secret_value(), watched(breaker))
    secrets = _several(settings.bank_webhook_secret.get_secret_value())
    return VietQr(client, secrets, settings.bank_bin, settings.bank_account)


def _national(settings: PaymentsSettings, breaker: Breaker) -> Gateway | None:
    if not settings.national_url:
        return None
    _needs(settings, "national_url", "national_partner", "national_secret", "payer_key")
    client = national_client.client(settings.national_url, transport=watched(breaker))
    sealer = Sealer(settings.payer_key.get_secret_value() if settings.payer_key else "")
    return National(client, settings.national_partner, settings.national_secret.get_secret_value(), sealer, directory())


def _needs(settings: PaymentsSettings, address: str, *names: str) -> None:
    """Raises ValueError that names all that is missing beside an address."""
    values = {name: getattr(settings, name) for name in names}
    missing = [f"MOTCUA_{name.upper()}" for name, value in values.items() if not value]
    if missing:
        raise ValueError(f"MOTCUA_{address.upper()} is set: set {', '.join(missing)} too")


def _several(secrets: str) -> list[str]:
    """Secrets separated by commas, as there are while one is being replaced."""
    return [secret.strip() for secret in secrets.split(",") if secret.strip()]
