"""What a preview says over HTTP is what the dossier's bill says, to the đồng."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.database import Server as Postgres
from tests.integration.intake_desk import Desk, open_desk
from tests.integration.sandbox_process import Server
from tests.unit.intake.test_form_faults import example


@pytest.fixture(scope="module")
async def desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider) as opened:
        yield opened


def of(code: str, **details: Any) -> dict[str, Any]:
    form = example(code)
    return form | {"details": form["details"] | details}


def record_of(group: str) -> dict[str, Any]:
    """A judicial record for somebody of this group, whose paper is brought to the desk."""
    form = of("2.000488", group=group)
    if group not in ("sinh viên", "học sinh"):
        form["details"].pop("school", None)
    return form | {"at_desk": [] if group == "khác" else ["giay_to_doi_tuong"]}


COUNTS = st.integers(1, 200)
PAPERS = st.fixed_dictionaries({"name": st.just("Bằng tốt nghiệp"), "pages": COUNTS, "copies": COUNTS})
FORMS = st.one_of(
    st.builds(lambda copies: of("2.000635", copies=copies), st.integers(1, 50)),
    st.builds(lambda papers: of("2.000815", papers=papers), st.lists(PAPERS, min_size=1, max_size=6)),
    st.sampled_from(("khác", "sinh viên", "người có công", "trẻ em", "người thuộc hộ nghèo")).map(record_of),
    st.just(of("1.002809")),
)


@given(FORMS)
@settings(max_examples=40, deadline=None)
async def test_the_preview_is_the_bill_of_the_dossier(desk: Desk, form: dict[str, Any]) -> None:
    previewed = await desk.http.post("/fees/preview", json=form)
    answer = await desk.submits(form)
    assert answer.status_code == 201, answer.text
    assert previewed.status_code == 200, previewed.text
    dossier = (await desk.get(f"/dossiers/{answer.json()['code']}", "anh")).json()
    assert previewed.json()["lines"] == dossier["fee_lines"]
    assert previewed.json()["total"] == dossier["fee_total"] == answer.json()["fee_total"]


async def test_a_preview_is_for_anybody_and_says_what_is_wrong_with_what_it_needs(desk: Desk) -> None:
    form = {"procedure": "2.000815", "agency": "G09.20", "details": {"papers": [{"pages": 0, "copies": 2}]}}
    refused = await desk.http.post("/fees/preview", json=form)
    assert refused.status_code == 422
    assert {(error["path"], error["code"]) for error in refused.json()["errors"]} == {
        ("agency", "wrong_agency"),
        ("details.papers.0.pages", "minimum"),
    }
    seen = await desk.http.post(
        "/fees/preview", json=form | {"agency": "H55.31", "details": {"papers": [{"pages": 3, "copies": 2}]}}
    )
    (line,) = seen.json()["lines"]
    assert (line["amount"], line["quantity"], seen.json()["currency"]) == (2 * 5000, 6, "VND")
    assert line["rule_vi"].startswith("2.000 đồng một trang")
