"""The whole stack as a list of children: who runs, after whom, told what."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import httpx

from deploy.local.child import Child, StackError
from deploy.local.kafka import kafka_child
from deploy.local.layout import Layout
from deploy.local.outside import gateways
from deploy.local.postgres import postgres_child
from deploy.local.probes import http_ready
from deploy.local.secrets import Secrets
from deploy.local.service import service_preparation, services_environment
from deploy.local.zipkin import zipkin_child

SERVICES = {
    "intake": "tiếp nhận hồ sơ · dossiers",
    "payments": "thu phí · payments",
    "notifications": "tin nhắn, lịch hẹn · messages, appointments",
    "status": "tra cứu · who has my dossier",
}

GATEWAYS = {
    "gateway": "cổng thẻ · card gateway",
    "bank": "ngân hàng · bank, VietQR",
    "vnpay": "VNPAY",
    "national": "thanh toán Cổng DVC quốc gia · national portal's payments",
}


def plan(layout: Layout, secrets: Secrets, zipkin: bool = False, only: Sequence[str] = ()) -> list[Child]:
    """All children of the stack, or those named in `only` with what they need.

    `zipkin` runs Zipkin as the trace store. Raises StackError for an unknown name, or without the local packages.
    """
    client = httpx.AsyncClient(verify=False, trust_env=False, timeout=5)  # noqa: S501 - loopback, plain HTTP
    children = [
        postgres_child(layout, secrets),
        kafka_child(layout, secrets, sys.executable),
        *_sandbox(layout, secrets, client),
        zipkin_child(layout, client) if zipkin else _server(layout, client, "traces", "dấu vết · traces", {}),
        *_services(layout, secrets, client),
    ]
    return _chosen(children, only) if only else children


def _sandbox(layout: Layout, secrets: Secrets, client: httpx.AsyncClient) -> list[Child]:
    """What the outside world would be."""
    sms = {
        "SMS_TOKEN": secrets.sms_token,
        "SMS_RECEIPT_URL": f"{layout.url('notifications')}/receipts/sms",
        "SMS_RECEIPT_SECRET": secrets.sms_receipt_secret,
    }
    smtp = layout.port("smtp")
    return [
        *(_server(layout, client, name, GATEWAYS[name], told) for name, told in gateways(layout, secrets).items()),
        _server(layout, client, "sms", "nhà mạng · SMS carrier", sms),
        _server(layout, client, "mail", f"hộp thư · mail page, SMTP {smtp}", {"SMTP_PORT": str(smtp)}, (smtp,)),
        _server(layout, client, "oidc", "đăng nhập · sign-in (OIDC)", {"OIDC_ISSUER": layout.url("oidc")}),
        _server(layout, client, "register", "hộ tịch · civil register", {"REGISTER_KEY": secrets.register_key}),
    ]


def _server(
    layout: Layout,
    client: httpx.AsyncClient,
    name: str,
    description: str,
    environment: Mapping[str, str],
    more_ports: tuple[int, ...] = (),
) -> Child:
    """One sandbox server: `python -m deploy.sandbox.NAME`."""
    port = layout.port(name)
    return Child(
        name=name,
        description=description,
        command=(sys.executable, "-m", f"deploy.sandbox.{name}"),
        environment={
            "SANDBOX_PORT": str(port),
            "SANDBOX_DATA": str(layout.data / "sandbox" / name),
            **environment,
        },
        address=layout.url(name),
        ports=(port, *more_ports),
        ready=http_ready(client, f"{layout.url(name)}/healthz"),
    )


def _services(layout: Layout, secrets: Secrets, client: httpx.AsyncClient) -> list[Child]:
    prepare = service_preparation(layout, secrets)
    return [
        Child(
            name=name,
            description=description,
            command=(sys.executable, "-m", f"services.{name}"),
            environment=services_environment(layout, secrets, name),
            address=layout.url(name),
            ports=(layout.port(name),),
            after=("postgres", "kafka"),
            ready=http_ready(client, f"{layout.url(name)}/readyz"),
            prepare=prepare(name),
            stop_seconds=20.0,
        )
        for name, description in SERVICES.items()
    ]


def _chosen(children: Sequence[Child], only: Sequence[str]) -> list[Child]:
    by_name = {child.name: child for child in children}
    wanted: set[str] = set()
    open_names = list(only)
    while open_names:
        name = open_names.pop()
        if name not in by_name:
            raise StackError(f"Không có {name}; có · there is no {name}, only: {', '.join(by_name)}")
        wanted.add(name)
        open_names += [need for need in by_name[name].after if need not in wanted]
    return [child for child in children if child.name in wanted]
