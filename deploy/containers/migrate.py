"""`python -m deploy.containers.migrate NAME`: bring the database of one service up to date, then end.

MOTCUA_MIGRATION_DATABASE_URL is the database as its owner, the only role that may change tables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import asyncpg

from chassis.migrations import MigrationError, apply


def main() -> int:
    parser = argparse.ArgumentParser(description="Di trú cơ sở dữ liệu · apply the migrations of one service.")
    parser.add_argument("service", help="intake, payments, notifications, status")
    service = parser.parse_args().service
    url = os.environ.get("MOTCUA_MIGRATION_DATABASE_URL")
    if not url:
        return _failed("thiếu biến · set MOTCUA_MIGRATION_DATABASE_URL")
    try:
        applied = asyncio.run(apply(url, f"services.{service}"))
    except ModuleNotFoundError:
        return _failed(f"không có dịch vụ {service} · there is no service {service}")
    except (MigrationError, asyncpg.PostgresError, OSError) as error:
        return _failed(str(error))
    print("\n".join(applied) or f"{service}: đã mới nhất · up to date")
    return 0


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
