"""Where money is paid in the sandbox: what each gateway there is told, and what payments is told of them."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.layout import Layout
from deploy.local.secrets import Secrets

# No secrets: who we are there.
VNPAY_TERMINAL = "MOTCUA01"
BANK_BIN, BANK_ACCOUNT = "970436", "3511010543210"
NATIONAL_PARTNER = "MOTCUA"


def gateways(layout: Layout, secrets: Secrets) -> Mapping[str, Mapping[str, str]]:
    """The environment of each gateway's server, by its name."""
    payments = layout.url("payments")
    return {
        "gateway": {
            "GATEWAY_SECRET_KEY": secrets.gateway_secret_key,
            "GATEWAY_WEBHOOK_URL": f"{payments}/webhooks/stripe",
            "GATEWAY_WEBHOOK_SECRET": secrets.gateway_webhook_secret,
            "GATEWAY_PUBLIC_URL": layout.url("gateway"),
        },
        "bank": {
            "BANK_KEY": secrets.bank_key,
            "BANK_WEBHOOK_URL": f"{payments}/webhooks/bank",
            "BANK_WEBHOOK_SECRET": secrets.bank_webhook_secret,
            "BANK_PUBLIC_URL": layout.url("bank"),
            "BANK_BIN": BANK_BIN,
            "BANK_ACCOUNT": BANK_ACCOUNT,
        },
        "vnpay": {
            "VNPAY_TERMINAL": VNPAY_TERMINAL,
            "VNPAY_SECRET": secrets.vnpay_secret,
            "VNPAY_IPN_URL": f"{payments}/webhooks/vnpay",
            "VNPAY_PUBLIC_URL": layout.url("vnpay"),
        },
        "national": {
            "NATIONAL_PARTNER": NATIONAL_PARTNER,
            "NATIONAL_SECRET": secrets.national_secret,
            "NATIONAL_CONFIRM_URL": f"{payments}/webhooks/national",
            "NATIONAL_DUE_URL": due_url(payments, secrets),
            "NATIONAL_RESULT_URL": f"{payments}/national/dpnhankqthanhtoanhs",
            "NATIONAL_RETURN_URL": return_url(layout),
            "NATIONAL_PUBLIC_URL": layout.url("national"),
        },
    }


def told_payments(layout: Layout, secrets: Secrets) -> dict[str, str]:
    """What payments is told of the gateways, and of those who come to it."""
    return {
        "MOTCUA_GATEWAY_URL": layout.url("gateway"),
        "MOTCUA_GATEWAY_SECRET_KEY": secrets.gateway_secret_key,
        "MOTCUA_GATEWAY_WEBHOOK_SECRET": secrets.gateway_webhook_secret,
        "MOTCUA_VNPAY_URL": layout.url("vnpay"),
        "MOTCUA_VNPAY_TERMINAL": VNPAY_TERMINAL,
        "MOTCUA_VNPAY_SECRET": secrets.vnpay_secret,
        "MOTCUA_BANK_URL": layout.url("bank"),
        "MOTCUA_BANK_KEY": secrets.bank_key,
        "MOTCUA_BANK_WEBHOOK_SECRET": secrets.bank_webhook_secret,
        "MOTCUA_BANK_BIN": BANK_BIN,
        "MOTCUA_BANK_ACCOUNT": BANK_ACCOUNT,
        "MOTCUA_BANK_NAME": "Vietcombank (thử nghiệm)",
        "MOTCUA_BANK_HOLDER": "KHO BẠC NHÀ NƯỚC (thử nghiệm)",
        "MOTCUA_NATIONAL_URL": layout.url("national"),
        "MOTCUA_NATIONAL_PARTNER": NATIONAL_PARTNER,
        "MOTCUA_NATIONAL_SECRET": secrets.national_secret,
        "MOTCUA_PAYER_KEY": secrets.payer_key,
        "MOTCUA_LINK_KEY": secrets.link_key,
        "MOTCUA_BANK_KEYS": secrets.bank_keys,
        "MOTCUA_PUBLIC_URL": layout.url("payments"),
        "MOTCUA_RETURN_URL": return_url(layout),
    }


def due_url(payments: str, secrets: Secrets) -> str:
    """Where the national portal asks what is due. Its question is not signed: the address holds the key."""
    return f"{payments}/national/{secrets.inquiry_key('national')}/dptracuuthanhtoanhs"


def return_url(layout: Layout) -> str:
    """Where a payer's browser lands after a page; `{code}` is the dossier's code."""
    return f"{layout.url('payments')}/return/{{code}}"
