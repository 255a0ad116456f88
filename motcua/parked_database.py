"""The way into a service's database for operators, and what to say when there is none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from chassis.postgres import Connection, use_json
from motcua.installed import unknown

URL = "MOTCUA_OPERATION_DATABASE_URL"
_SETTINGS = {"application_name": "motcua parked", "timezone": "UTC", "lock_timeout": "5s", "statement_timeout": "60s"}


class Unreachable(Exception):
    """The service's parking place cannot be reached; the text says why and what to do."""


@asynccontextmanager
async def connected(service: str, read_only: bool) -> AsyncIterator[Connection]:
    """A connection to the service's database; PostgreSQL itself refuses writes when it is `read_only`.

    Uses MOTCUA_OPERATION_DATABASE_URL, or the embedded stack's own. Raises Unreachable.
    """
    if wrong := unknown(service):
        raise Unreachable(wrong)
    url = os.environ.get(URL) or _of_the_embedded_stack(service)
    settings = {**_SETTINGS, "default_transaction_read_only": "on" if read_only else "off"}
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings=settings)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _away(service, error) from None
    try:
        await use_json(connection)
        yield connection
    except asyncpg.UndefinedTableError:
        raise Unreachable(
            f"Cơ sở dữ liệu chưa được di trú: chạy `motcua migrate {service}` · "
            f"its database has no orders yet: run `motcua migrate {service}`"
        ) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise Unreachable(
            f"Vai trò này không đủ quyền ({error}): xem docs/runbooks/parked.md · this role may not do that: see the runbook"
        ) from None
    except (ConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _away(service, error) from None
    finally:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


def _away(service: str, error: Exception) -> Unreachable:
    return Unreachable(
        f"Không vào được cơ sở dữ liệu của {service} ({type(error).__name__}: {error}). Chạy `make start`, hoặc đặt "
        f"{URL} · its database cannot be reached: start the stack, or set {URL}"
    )


def _of_the_embedded_stack(service: str) -> str:
    """As the service's own login: it may not change tables."""
    from deploy.local import databases
    from deploy.local.layout import Layout
    from deploy.local.secrets import Secrets

    layout = Layout.from_environment()
    if not (layout.data / "secrets" / "root").exists():
        raise Unreachable(
            f"Ở {layout.data} chưa có hệ thống nào: chạy `make start`, hoặc đặt {URL} · "
            f"there is no stack in {layout.data}: run `make start`, or set {URL}"
        )
    return databases.url(layout, Secrets.open(layout.data), service, service)
