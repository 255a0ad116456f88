"""`python3 -m deploy.containers.environment`: the secrets of the containers, a file for each, random and kept.

Written to `.motcua/containers/NAME.env`, for the owner's eyes only; a second run writes the same. Each container is
given its own secrets and no others. Needs nothing but Python.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.local.child import StackError
from deploy.local.outside import due_url
from deploy.local.secrets import Secrets

FOLDER = Path(__file__).resolve().parents[2] / ".motcua" / "containers"
SERVICES = ("intake", "payments", "notifications", "status")
KAFKA_USERS = (*SERVICES, "agencies", "ops")


def files(secrets: Secrets) -> dict[str, dict[str, str]]:
    """The variables of each container's file."""
    kafka = {user: secrets.password(f"kafka:{user}") for user in (*KAFKA_USERS, "admin", "broker")}
    contacts = {"MOTCUA_CONTACTS_KEY": secrets.contacts_key}
    gateway = {
        "GATEWAY_SECRET_KEY": secrets.gateway_secret_key,
        "GATEWAY_WEBHOOK_SECRET": secrets.gateway_webhook_secret,
    }
    bank = {"BANK_KEY": secrets.bank_key, "BANK_WEBHOOK_SECRET": secrets.bank_webhook_secret}
    vnpay = {"VNPAY_SECRET": secrets.vnpay_secret}
    national = {"NATIONAL_SECRET": secrets.national_secret}
    comers = {
        "MOTCUA_PAYER_KEY": secrets.payer_key,
        "MOTCUA_LINK_KEY": secrets.link_key,
        "MOTCUA_BANK_KEYS": secrets.bank_keys,
    }
    sms = {"SMS_TOKEN": secrets.sms_token, "SMS_RECEIPT_SECRET": secrets.sms_receipt_secret}
    register = {"REGISTER_KEY": secrets.register_key}
    own = {
        "intake": {**contacts, **_ours(register), "MOTCUA_AGENCY_KEYS": secrets.agency_keys},
        "payments": {**_ours(gateway | bank | vnpay | national), **comers},
        "notifications": {**contacts, **_ours(sms)},
        "status": {},
    }
    return {
        "postgres": {
            "POSTGRES_PASSWORD": secrets.password("postgres:postgres"),
            **{f"PASSWORD_{role.upper()}": secrets.password(f"postgres:{role}") for role in _roles()},
        },
        "kafka": {"KAFKA_BROKER_PASSWORD": kafka["broker"], "KAFKA_ADMIN_PASSWORD": kafka["admin"]},
        "topics": {
            "KAFKA_ADMIN_PASSWORD": kafka["admin"],
            **{f"KAFKA_PASSWORD_{user.upper()}": kafka[user] for user in KAFKA_USERS},
        },
        "gateway": gateway,
        "bank": bank,
        "vnpay": vnpay,
        "national": {**national, "NATIONAL_DUE_URL": due_url("http://payments:8102", secrets)},
        "sms": sms,
        "register": register,
        **{
            f"{name}-migrations": {"MOTCUA_MIGRATION_DATABASE_URL": _url(secrets, f"{name}_owner", name)}
            for name in SERVICES
        },
        **{
            name: {
                "MOTCUA_DATABASE_URL": _url(secrets, name, name),
                "MOTCUA_KAFKA_PASSWORD": kafka[name],
                **own[name],
            }
            for name in SERVICES
        },
    }


def write(folder: Path) -> None:
    """Write the files, each whole or not at all. Raises StackError, OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, variables in files(Secrets.open(folder)).items():
        draft = folder / f".{name}.draft"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{variable}={value}\n" for variable, value in variables.items())
        draft.replace(folder / f"{name}.env")


def _roles() -> tuple[str, ...]:
    return tuple(role for name in SERVICES for role in (name, f"{name}_owner"))


def _url(secrets: Secrets, role: str, database: str) -> str:
    return f"postgresql://{role}:{secrets.password(f'postgres:{role}')}@postgres:5432/{database}"


def _ours(theirs: dict[str, str]) -> dict[str, str]:
    """The same secrets by the names under which our services know them."""
    return {f"MOTCUA_{name}": value for name, value in theirs.items()}


if __name__ == "__main__":
    try:
        write(FOLDER)
    except (StackError, OSError) as problem:
        sys.exit(str(problem))
    print(f"{FOLDER}: xong, chạy `docker compose up` · done, run `docker compose up`")
