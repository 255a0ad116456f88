"""A database for each service, its owner (who may change tables) and its login (who may only use them)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

import asyncpg

from deploy.local.layout import Layout
from deploy.local.postgres import connect
from deploy.local.secrets import Secrets

ITERATIONS = 4096
ADVISORY_LOCK = 0x6D6F74637561


def url(layout: Layout, secrets: Secrets, role: str, database: str) -> str:
    """Where `role` finds `database`, with its password."""
    password = secrets.password(f"postgres:{role}")
    return f"postgresql://{role}:{password}@127.0.0.1:{layout.port('postgres')}/{database}"


async def provision(layout: Layout, secrets: Secrets, name: str) -> None:
    """Database `name`, role `name`_owner (DDL) and role `name` (what the owner grants), closed to all others.

    Idempotent. What `name` may do with the tables is granted by the migrations that make them.
    Raises OSError, asyncpg.PostgresError.
    """
    owner = f"{name}_owner"
    server = await connect(layout, secrets, "postgres")
    try:
        # Until the connection's end: of two at once, the second finds everything made.
        await server.execute("select pg_advisory_lock($1)", ADVISORY_LOCK)
        for role in (owner, name):
            await _role(server, role, secrets.password(f"postgres:{role}"))
        if not await server.fetchval("select true from pg_database where datname = $1", name):
            await server.execute(f'create database "{name}" owner "{owner}"')
        await server.execute(f'revoke all on database "{name}", postgres, template1 from public')
        await server.execute(f'grant connect on database "{name}" to "{name}"')
        database = await connect(layout, secrets, name)
        try:
            await database.execute(
                f"revoke all on schema public from public;"
                f'grant usage, create on schema public to "{owner}" with grant option'
            )
        finally:
            await database.close()
    finally:
        await server.close()


async def _role(server: asyncpg.Connection[asyncpg.Record], role: str, password: str) -> None:
    """The password travels as its SCRAM verifier, so that no log of statements ever holds it."""
    stored = await server.fetchval("select rolpassword from pg_authid where rolname = $1", role)
    if stored is None or not _fits(password, stored):
        known = await server.fetchval("select true from pg_roles where rolname = $1", role)
        verb = "alter" if known else "create"
        await server.execute(f"""{verb} role "{role}" login password '{verifier(password, os.urandom(16))}'""")


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores of an ASCII password: RFC 5803's form of RFC 5802's StoredKey and ServerKey."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *parts)


def _fits(password: str, stored: str) -> bool:
    try:
        iterations, salt = stored.split("$")[1].split(":")
        return stored == verifier(password, base64.b64decode(salt), int(iterations))
    except (IndexError, ValueError):
        return False
