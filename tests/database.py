"""A real PostgreSQL for tests: the embedded server, and databases as services get them, made anew when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from chassis import migrations
from deploy.local.databases import provision, url
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.postgres import connect, postgres_child
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor


@dataclass(frozen=True)
class Database:
    """One service's database: `url` for its login (DML only), `owner_url` for whoever changes tables."""

    url: str
    owner_url: str


@dataclass(frozen=True)
class Server:
    """The running server."""

    layout: Layout
    secrets: Secrets

    async def fresh(self, service: str) -> Database:
        """The database of `services.SERVICE`, empty and migrated; whoever used the former one is thrown out.

        Migrated once: those after the first are its copies.
        """
        owner, migrated = f"{service}_owner", f"{service}_migrated"
        administrator = await connect(self.layout, self.secrets, "postgres")
        try:
            await administrator.execute(f'drop database if exists "{service}" with (force)')
            if await administrator.fetchval("select true from pg_database where datname = $1", migrated):
                await administrator.execute(f'create database "{service}" template "{migrated}" owner "{owner}"')
                await provision(self.layout, self.secrets, service)
            else:
                await provision(self.layout, self.secrets, service)
                await migrations.apply(url(self.layout, self.secrets, owner, service), f"services.{service}")
                await administrator.execute(f'create database "{migrated}" template "{service}"')
        finally:
            await administrator.close()
        return Database(
            url(self.layout, self.secrets, service, service), url(self.layout, self.secrets, owner, service)
        )


@asynccontextmanager
async def running(folder: Path, flushed: bool = True) -> AsyncIterator[Server]:
    """The embedded PostgreSQL in `folder`, on a free port, until the block is left.

    One that is not `flushed` keeps what it committed when any process is killed, not when the machine loses power.
    """
    layout = Layout(folder, free_offset())
    secrets = Secrets.open(layout.data)
    child = postgres_child(layout, secrets)
    if not flushed:
        child = replace(child, command=(*child.command, "-c", "fsync=off"))
    supervisor = Supervisor([child], layout.data)
    task = asyncio.create_task(supervisor.run())
    try:
        async with asyncio.timeout(150):
            while supervisor.shown.state != "ready" and not task.done():
                await asyncio.sleep(0.05)
        if not task.done():
            yield Server(layout, secrets)
    finally:
        supervisor.stop.set()
        await task
