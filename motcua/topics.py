"""`motcua topics`: the topics of Kafka, as their birth certificates say and as the cluster has them."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from deploy.kafka.certificates import Certificate, CertificateError, load
from deploy.kafka.plan import Report

app = typer.Typer(
    help="Các chủ đề Kafka theo giấy khai sinh trong contracts/topics · Kafka's topics and their certificates.",
    no_args_is_help=True,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")]
OUTCOMES = {
    "created": "[green]đã lập · created[/]",
    "changed": "[yellow]đã chỉnh · changed[/]",
    "unchanged": "giữ nguyên · unchanged",
    "refused": "[red]từ chối · refused[/]",
    "left": "để yên · left alone",
}


@app.command("list")
def list_topics(as_json: Json = False) -> None:
    """Liệt kê các chủ đề: ai sở hữu, ai đọc, khóa, lưu bao lâu · list topics: owner, readers, key, retention."""
    certificates = _certificates()
    if as_json:
        typer.echo(_dump([_facts(certificate) for certificate in certificates]))
        return
    table = Table(box=None)
    for header in ("chủ đề", "sở hữu", "khóa", "lưu"):
        table.add_column(header, no_wrap=True)
    table.add_column("người đọc")
    for certificate in certificates:
        readers = ", ".join(certificate.readers)
        table.add_row(certificate.topic, certificate.owner, certificate.key, _kept(certificate), readers)
    Console().print(table)


@app.command()
def show(
    topic: Annotated[str, typer.Argument(help="Tên chủ đề, ví dụ dossiers.v1 · the topic's name.")],
    as_json: Json = False,
) -> None:
    """Giấy khai sinh của một chủ đề · one topic's certificate."""
    found = {certificate.topic: certificate for certificate in _certificates()}
    if topic not in found:
        _fail(f"Không có chủ đề {topic}; hiện có · no such topic; there are: {', '.join(found)}")
    facts = _facts(found[topic])
    if as_json:
        typer.echo(_dump(facts))
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(f"[bold]{name}[/]", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    Console().print(table)


@app.command()
def apply(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Chỉ xem sẽ làm gì · only say what would be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lập và chỉnh chủ đề, người dùng, quyền trên Kafka đang chạy tại đây; không bao giờ bớt phân vùng hay đổi khóa.

    Makes the running local Kafka what the certificates say; never shrinks or re-keys. Exit code 1 when refused.
    """
    from deploy.kafka.connection import AdministrationError
    from deploy.local.child import StackError

    try:
        report = asyncio.run(_apply(dry_run))
    except (AdministrationError, StackError) as error:
        _fail(f"{error}")
    if as_json:
        typer.echo(_dump(report.as_json()))
    else:
        _print(report)
    if report.refusals:
        raise typer.Exit(1)


async def _apply(dry_run: bool) -> Report:
    from deploy.kafka.apply import apply as apply_certificates
    from deploy.local.kafka import connection
    from deploy.local.layout import Layout
    from deploy.local.secrets import Secrets

    layout = Layout.from_environment()
    secrets = await asyncio.to_thread(Secrets.open, layout.data)
    return await apply_certificates(
        _certificates(), connection(layout, secrets), lambda user: secrets.password(f"kafka:{user}"), dry_run=dry_run
    )


def _print(report: Report) -> None:
    table = Table("kết quả · outcome", "chủ đề, người dùng · topic, user", "chi tiết · detail")
    for line in report.lines:
        table.add_row(OUTCOMES[line.outcome], line.subject, line.detail)
    Console().print(table)


def _certificates() -> tuple[Certificate, ...]:
    try:
        return load()
    except CertificateError as error:
        _fail(str(error))


def _facts(certificate: Certificate) -> dict[str, Any]:
    facts = certificate.model_dump(mode="json", exclude={"events"})
    return {**facts, "writers": list(certificate.producers), "events": [event.type for event in certificate.events]}


def _kept(certificate: Certificate) -> str:
    if certificate.cleanup == "compact":  # the last event of each key
        return "bản cuối"
    return f"{certificate.retention} ngày" if certificate.retention else "mãi mãi"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _fail(reason: str) -> NoReturn:
    typer.secho(reason, err=True, fg="red")
    raise typer.Exit(1)
