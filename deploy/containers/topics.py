"""`python -m deploy.containers.topics`: make a Kafka cluster what the topic certificates say, then end.

MOTCUA_KAFKA_BOOTSTRAP is its address, KAFKA_ADMIN_PASSWORD the administrator's password, and KAFKA_PASSWORD_NAME the
one of each user NAME (capitals, `_` for `-`). A second run changes nothing; a refusal changes nothing and fails.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

from deploy.kafka.apply import apply
from deploy.kafka.certificates import CertificateError, load
from deploy.kafka.connection import AdministrationError, BrokerAwayError, Connection
from deploy.kafka.plan import Report

AWAY_SECONDS = 60


def main() -> int:
    argparse.ArgumentParser(description="Lập chủ đề, người dùng, quyền · make topics, users and rights.").parse_args()
    try:
        report = asyncio.run(_apply(time.monotonic() + AWAY_SECONDS))
    except KeyError as error:
        return _failed(f"thiếu biến · set {error.args[0]}")
    except (AdministrationError, CertificateError) as error:
        return _failed(str(error))
    for line in report.lines:
        print(f"{line.outcome:10} {line.subject} {line.detail}".rstrip())
    return 1 if report.refusals else 0


async def _apply(deadline: float) -> Report:
    admin = Connection(os.environ["MOTCUA_KAFKA_BOOTSTRAP"], "admin", os.environ["KAFKA_ADMIN_PASSWORD"])
    certificates = await asyncio.to_thread(load)
    while True:
        try:
            return await apply(certificates, admin, _password)
        except BrokerAwayError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(1)


def _password(user: str) -> str:
    return os.environ[f"KAFKA_PASSWORD_{user.upper().replace('-', '_')}"]


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
