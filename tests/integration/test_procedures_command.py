"""`motcua procedures import` and `diff --running` against a running intake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.local.layout import Layout
from motcua.procedures import app
from services.intake.domain import files
from tests.database import Server as Postgres
from tests.integration.intake_desk import Desk, process_desk, signing

SHIPPED = Path(files.__file__).parents[1] / "catalogue" / "procedures"
LICENCE = SHIPPED / "1.002809" / "2.yaml"


@dataclass(frozen=True)
class Elsewhere(Layout):
    """A stack whose services listen where there was room."""

    intake: str = ""
    oidc: str = ""

    def url(self, name: str) -> str:
        return {"intake": self.intake, "oidc": self.oidc}[name]


@pytest.fixture
async def desk(postgres_server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    with signing(tmp_path) as provider:
        async with process_desk(await postgres_server.fresh("intake"), provider, tmp_path / "log") as (desk, _):
            await desk.becomes(200)
            layout = Elsewhere(tmp_path, intake=str(desk.http.base_url).rstrip("/"), oidc=provider.url)
            monkeypatch.setattr(Layout, "from_environment", lambda: layout)
            yield desk


async def _runs(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_a_file_becomes_a_draft_and_what_differs_from_the_running_system_is_told(
    desk: Desk, tmp_path: Path
) -> None:
    same = await _runs("diff", "--running")
    assert (same.exit_code, "Không có gì khác" in same.output) == (0, True), same.output
    file = tmp_path / "3.yaml"
    text = LICENCE.read_text("utf-8").replace("version: 2", "version: 3").replace("2026-01-01", "2099-01-01")
    file.write_text(text, "utf-8")
    missing = await _runs("diff", str(file), "--running")
    assert (missing.exit_code, "1.002809/3: chưa có" in missing.output) == (1, True), missing.output
    imported = await _runs("import", str(file))
    assert (imported.exit_code, "1.002809 phiên bản 3: dự thảo" in imported.output) == (0, True), imported.output
    file.write_text(text.replace("amount: 5, unit: working_days", "amount: 4, unit: working_days"), "utf-8")
    (await desk.post("/procedures/1.002809/versions/3/consult", "vanhanh")).raise_for_status()
    other = await _runs("diff", str(file), "--running")
    assert "Thời hạn giải quyết: 5 ngày làm việc [M] → 4 ngày làm việc [M]" in other.output, other.output


async def test_a_whole_folder_is_imported_and_each_refusal_is_told(desk: Desk, tmp_path: Path) -> None:
    again = await _runs("import", str(SHIPPED.parent))
    assert (again.exit_code, again.output.count(": đang mở")) == (0, len(list(SHIPPED.glob("*/*.yaml")))), again.output
    changed = tmp_path / "2.yaml"
    changed.write_text(LICENCE.read_text("utf-8").replace("payment_days: 10", "payment_days: 9"), "utf-8")
    refused = await _runs("import", str(changed))
    assert (refused.exit_code, "đã từng mở" in refused.output) == (1, True), refused.output
    broken = tmp_path / "broken.yaml"
    broken.write_text("code: 7", "utf-8")
    assert "effective_from" in (await _runs("import", str(broken))).output
