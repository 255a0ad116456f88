"""`motcua migrate NAME`: bring a service's database up to date."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import asyncpg
import typer

from chassis import migrations
from deploy.local import databases
from deploy.local.layout import Layout
from deploy.local.secrets import Secrets
from motcua.installed import unknown

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    name: Annotated[str, typer.Argument(help="intake, payments, notifications, status…")],
) -> None:
    """Di trú cơ sở dữ liệu của một dịch vụ · apply a service's migrations.

    Uses MOTCUA_MIGRATION_DATABASE_URL (the owner's role), or the embedded stack's own.
    """
    if wrong := unknown(name):
        typer.secho(wrong, err=True, fg="red")
        raise typer.Exit(1)
    url = os.environ.get("MOTCUA_MIGRATION_DATABASE_URL") or _of_the_embedded_stack(name)
    try:
        done = asyncio.run(migrations.apply(url, f"services.{name}"))
    except (migrations.MigrationError, ModuleNotFoundError, OSError, asyncpg.PostgresError) as error:
        typer.secho(f"Không di trú được {name}: {error} · cannot migrate", err=True, fg="red")
        raise typer.Exit(1) from None
    typer.echo("\n".join(done) or f"{name}: không có gì mới · nothing to do")


def _of_the_embedded_stack(name: str) -> str:
    layout = Layout.from_environment()
    return databases.url(layout, Secrets.open(layout.data), f"{name}_owner", name)
