"""Dates at the ends of calendars are wrong fields, not trouble of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from tests.database import Server as Postgres
from tests.integration.intake_desk import AGENCY_SYSTEM, OFFICER, OPERATOR, Desk, open_desk
from tests.integration.sandbox_process import Server

EARLIEST, LATEST = quote("0001-01-01T00:00:00+14:00"), quote("9999-12-31T23:59:59-14:00")


@pytest.fixture(scope="module")
async def desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider) as opened:
        yield opened


@pytest.mark.parametrize(
    ("who", "path"),
    [
        (OFFICER, "/desk/register.pdf?from=0001-01-01&to=0001-01-02"),
        (OFFICER, "/desk/register.pdf?from=2026-01-01&to=9999-12-31"),
        (OPERATOR, f"/desk/audit?since={EARLIEST}"),
        (OPERATOR, f"/desk/audit?since={LATEST}"),
        (OPERATOR, f"/desk/audit?since=2026-01-01T00:00:00Z&until={LATEST}"),
        (AGENCY_SYSTEM, f"/agency-reports?since={EARLIEST}"),
        (AGENCY_SYSTEM, f"/agency-reports?since={LATEST}"),
    ],
)
async def test_a_date_that_no_calendar_of_ours_has_is_told_as_a_wrong_field(desk: Desk, who: str, path: str) -> None:
    answer = await desk.get(path, who)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


async def test_operators_see_that_an_officer_searched_and_not_for_whom(desk: Desk) -> None:
    """A name or a citizen id that an officer types is a citizen's."""
    assert (await desk.get("/desk/dossiers?q=019190012345", OFFICER)).status_code == 200
    audit = await desk.get("/desk/audit?since=2026-01-01T00:00:00Z", OPERATOR)
    assert audit.status_code == 200, audit.text
    assert "019190012345" not in audit.text
    assert any("q" in (each["asked"] or {}) for each in audit.json()["items"])
