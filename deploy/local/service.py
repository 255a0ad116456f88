"""What a service of the platform is told, and what must be there before it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chassis import migrations
from deploy.local.child import Progress, StackError
from deploy.local.databases import provision, url
from deploy.local.kafka import apply_topics_and_users
from deploy.local.layout import Layout
from deploy.local.outside import told_payments
from deploy.local.secrets import Secrets

Preparation = Callable[[Progress], Awaitable[None]]


def services_environment(layout: Layout, secrets: Secrets, name: str) -> dict[str, str]:
    """The environment of `python -m services.NAME`: its own credentials and no other service's."""
    return {
        "MOTCUA_DATABASE_URL": url(layout, secrets, name, name),
        "MOTCUA_KAFKA_BOOTSTRAP": f"127.0.0.1:{layout.port('kafka')}",
        "MOTCUA_KAFKA_USER": name,
        "MOTCUA_KAFKA_PASSWORD": secrets.password(f"kafka:{name}"),
        "MOTCUA_HTTP_PORT": str(layout.port(name)),
        "MOTCUA_OIDC_ISSUER": layout.url("oidc"),
        "MOTCUA_OIDC_AUDIENCE": "motcua",
        "MOTCUA_TRACES_EXPORTER": "zipkin",
        "MOTCUA_TRACES_ENDPOINT": f"{layout.url('traces')}/api/v2/spans",
        "MOTCUA_LOG_LEVEL": "info",
        "MOTCUA_INSTANCE": f"{name}-0",
        **_of_its_own(layout, secrets, name),
    }


def _of_its_own(layout: Layout, secrets: Secrets, name: str) -> dict[str, str]:
    contacts = {"MOTCUA_CONTACTS_KEY": secrets.contacts_key}
    if name == "intake":
        return contacts | {
            "MOTCUA_DOCUMENTS_URL": (layout.data / "documents").as_uri(),
            "MOTCUA_REGISTER_URL": layout.url("register"),
            "MOTCUA_REGISTER_KEY": secrets.register_key,
            "MOTCUA_PUBLIC_URL": layout.url("portal"),
            "MOTCUA_AGENCY_KEYS": secrets.agency_keys,
        }
    if name == "payments":
        return told_payments(layout, secrets)
    if name == "notifications":
        return contacts | {
            "MOTCUA_SMS_URL": layout.url("sms"),
            "MOTCUA_SMS_TOKEN": secrets.sms_token,
            "MOTCUA_SMS_RECEIPT_SECRET": secrets.sms_receipt_secret,
            "MOTCUA_SMTP_HOST": "127.0.0.1",
            "MOTCUA_SMTP_PORT": str(layout.port("smtp")),
            "MOTCUA_PUBLIC_URL": layout.url("portal"),
            # The sandbox's phones wake nobody: no quiet hours, so that a demonstration at night shows its messages.
            "MOTCUA_QUIET_BEGINS": "00:00",
            "MOTCUA_QUIET_ENDS": "00:00",
        }
    return {}


def service_preparation(layout: Layout, secrets: Secrets) -> Callable[[str], Preparation]:
    """A preparation per service: its database, roles and migrations; and, once for all, topics and users."""
    topics = _Once(lambda: apply_topics_and_users(layout, secrets))

    def prepare_for(name: str) -> Preparation:
        async def prepare(progress: Progress) -> None:
            progress("cơ sở dữ liệu · database")
            await provision(layout, secrets, name)
            progress("di trú dữ liệu · migrations")
            try:
                await migrations.apply(url(layout, secrets, f"{name}_owner", name), f"services.{name}")
            except migrations.MigrationError as error:
                raise StackError(f"Di trú dữ liệu của {name} bị từ chối · migrations of {name}: {error}") from error
            progress("chủ đề Kafka · topics")
            await topics()

        return prepare

    return prepare_for


class _Once:
    """An action that has been done when a call returns; done again only after it failed."""

    def __init__(self, action: Callable[[], Awaitable[object]]) -> None:
        self._action = action
        self._lock = asyncio.Lock()
        self._done = False

    async def __call__(self) -> None:
        async with self._lock:
            if not self._done:
                await self._action()
                self._done = True
