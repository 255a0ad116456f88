"""What tests of several folders share."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import offsets
from tests.database import Server, running


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The embedded PostgreSQL, once for the whole run; no test cuts off the machine's power."""
    async with running(tmp_path_factory.mktemp("postgres"), flushed=False) as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    _keep_byte_code()
    _share_ports()
    # How long an example takes, or is thought up, says more of what else the machine does than of the code.
    settings.register_profile("motcua", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("motcua")


def _keep_byte_code() -> None:
    """Byte code is kept, wherever the environment says it should not be: each process would compile everything anew."""
    data = Path(os.environ.get("MOTCUA_DATA", Path(__file__).parents[1] / ".motcua")).resolve()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(data / "bytecode"))


def _share_ports() -> None:
    """Each worker, and whatever it starts, takes ports from a share of its own: two that look at the same moment never
    choose the same."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = offsets.OFFSETS[worker::workers]
    os.environ["MOTCUA_FREE_OFFSETS"] = f"{share.start}:{share.stop}:{share.step}"
