"""Forward-only SQL migrations with checksums: the chassis' own first, then the service's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from chassis.postgres import Connection

_LOCK = 0x6D6F_7463_7561  # one migrator at a time per database
_TABLE = """
create table if not exists migration (
    module text not null, name text not null, checksum text not null,
    applied_at timestamptz not null default now(), primary key (module, name)
)"""


class MigrationError(Exception):
    """The database and the migration files disagree; the text says which file and what to do."""


@dataclass(frozen=True)
class Migration:
    """One file: `module` owns it, `name` orders it, `sql` is run once in a transaction."""

    module: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(service: str) -> list[Migration]:
    """The chassis' migrations and those of a service package such as `services.payments`, in order."""
    found = []
    for module, folder in (("chassis", files("chassis.migrations")), (service, files(service) / "migrations")):
        names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
        found += [Migration(module, name, (folder / name).read_text("utf-8")) for name in names]
    return found


async def apply(owner_database_url: str, service: str) -> list[str]:
    """Bring a database up to date; answers the names of the migrations that were run.

    The role named like the service (`payments` for `services.payments`) may read and write what they create, no more,
    unless a migration says otherwise. Raises MigrationError when an applied file was edited or has vanished, or a new
    one sorts before it.
    """
    connection = await asyncpg.connect(owner_database_url, timeout=10)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        role = service.rsplit(".", 1)[1]
        await _grant_what_will_be_created(connection, role)
        known = migrations_of(service)
        waiting = await _waiting(connection, known)
        for migration in waiting:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into migration (module, name, checksum) values ($1, $2, $3)",
                    migration.module,
                    migration.name,
                    migration.checksum,
                )
        return [f"{migration.module}/{migration.name}" for migration in waiting]
    finally:
        await connection.close()


async def missing(connection: Connection, service: str) -> list[str]:
    """What has still to be applied before the service may serve."""
    if await connection.fetchval("select to_regclass('migration')") is None:
        return [migration.name for migration in migrations_of(service)]
    return [migration.name for migration in await _waiting(connection, migrations_of(service))]


async def _waiting(connection: Connection, known: list[Migration]) -> list[Migration]:
    rows = await connection.fetch("select module, name, checksum from migration order by module, name")
    applied = {(row["module"], row["name"]): row["checksum"] for row in rows}
    files_by_key = {(migration.module, migration.name): migration for migration in known}
    for key, checksum in applied.items():
        name = "/".join(key)
        if key not in files_by_key:
            raise MigrationError(f"{name} was applied but its file is gone: this code is older than its database")
        if files_by_key[key].checksum != checksum:
            raise MigrationError(f"{name} was edited after it was applied: restore it and add a new file instead")
    waiting = [migration for key, migration in files_by_key.items() if key not in applied]
    for migration in waiting:
        last = max((name for module, name in applied if module == migration.module), default="")
        if migration.name < last:
            raise MigrationError(
                f"{migration.module}/{migration.name} sorts before {last}, which was applied: give it a later name"
            )
    return waiting


async def _grant_what_will_be_created(connection: Connection, role: str) -> None:
    if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", role):
        raise MigrationError(f"the role {role} does not exist: create it before migrating")
    quoted = await connection.fetchval("select quote_ident($1)", role)
    await connection.execute(f"grant select on migration to {quoted}")
    await connection.execute(f"grant usage on schema public to {quoted}")
    for grant in ("select, insert, update, delete on tables", "usage on sequences"):
        await connection.execute(f"alter default privileges in schema public grant {grant} to {quoted}")
