"""An agency's dossier codes: each tells its dossier from all others, and gets wider where numbers do."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain import files
from services.intake.domain.agency import Agency
from tests.forms import AGENCY, CATALOGUE, TODAY

SHIPPED = files.read()
DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
NUMBERS = st.integers(1, 10**9)


def test_a_dossier_code_names_agency_day_and_number() -> None:
    assert AGENCY.dossier_code(TODAY, 1) == "G09.20-260609-0001"
    assert CATALOGUE.agency("H55.34").dossier_code(TODAY, 92_637) == "H55.34-20260609-0092637"


def test_a_code_past_9999_gets_wider_and_never_wraps() -> None:
    codes = [AGENCY.dossier_code(TODAY, number) for number in (9_999, 10_000, 10_001, 123_456)]
    assert [code.rsplit("-", 1)[1] for code in codes] == ["9999", "10000", "10001", "123456"]


@pytest.mark.parametrize("agency", SHIPPED.agencies, ids=lambda agency: agency.code)
@given(st.tuples(DAYS, NUMBERS), st.tuples(DAYS, NUMBERS))
def test_two_dossiers_never_have_one_code(agency: Agency, one: tuple[date, int], other: tuple[date, int]) -> None:
    assert (agency.dossier_code(*one) == agency.dossier_code(*other)) == (one == other)


@pytest.mark.parametrize(
    "pattern",
    [
        "{agency}-{day:%y%m%d}",
        "{agency}-{number:04d}",
        "{agency}-{day:%m%d}-{number:04d}",
        "{agency}-{day:%y%m%d}-{nr:04d}",
        "{}-{}",
        "",
        "{agency",
    ],
)
def test_a_code_pattern_that_would_give_one_code_twice_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        Agency.model_validate(AGENCY.model_dump() | {"code_pattern": pattern})
