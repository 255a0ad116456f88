"""intake as a process: its readiness tells the truth, and its logs name nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import PERSONAL, process_desk, signing


async def test_the_process_is_ready_once_its_database_is_and_no_log_line_names_anybody(
    postgres_server: Postgres, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also when PostgreSQL refuses a row and quotes all its values."""
    database, log = await postgres_server.fresh("intake"), tmp_path / "log"
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with process_desk(database, provider, log) as (desk, process), desk.owner() as owner:
            await desk.becomes(200)
            await desk.journey()
            await desk.submits(filled(citizen_id="019090012345", phone="113"))
            await owner.execute("alter table dossier add constraint broken check (false) not valid")
            failed = await desk.submits()
            process.terminate()
            await process.wait()
    logged = log.read_text("utf-8")
    assert failed.status_code == 500
    lines = [json.loads(line) for line in logged.splitlines()]
    (unforeseen,) = (line for line in lines if line["event"] == "request failed")
    assert unforeseen["error"] == "CheckViolationError"
    assert "chassis/aggregate.py" in json.dumps(unforeseen), "where it happened is told"
    assert [value for value in PERSONAL if value in logged or value in failed.text] == []


async def test_the_process_waits_for_its_schema_and_says_so(
    postgres_server: Postgres, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = await postgres_server.fresh("intake")
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with process_desk(database, provider, tmp_path / "log") as (desk, _), desk.owner() as owner:
            await owner.execute("alter table migration rename to hidden")
            await desk.becomes(503, "motcua migrate intake")
            assert (await desk.http.get("/healthz")).status_code == 200
            await owner.execute("alter table hidden rename to migration")
            await desk.becomes(200)
