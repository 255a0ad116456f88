"""A province's own rules: from their day on, there only, and kept by the dossiers that were filed under them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chassis.errors import Refusal
from services.intake.domain import files
from services.intake.domain.catalogue import Catalogue, Offered
from services.intake.domain.localised import Localised
from services.intake.domain.procedure import Duration, Fee, Procedure
from tests.forms import CATALOGUE, PROCEDURE, TODAY

SHIPPED = files.read()
COMMUNE = "H55.31"


def _with(*versions: Procedure, localised: tuple[Localised, ...] = ()) -> Catalogue:
    read = files.Files(SHIPPED.agencies, [], list(localised), SHIPPED.applicant, SHIPPED.guide)
    return Catalogue.of(read, (Offered(version, True) for version in versions))


def test_a_provinces_rules_count_from_their_day_on_in_that_province_only_and_a_dossier_keeps_those_it_was_filed_under() -> (
    None
):
    since = date(2026, 6, 1)
    fee = {"kind": "lệ phí", "name": "Riêng", "legal_basis": "NQ", "beneficiary": "1"}
    own = Localised(
        province="H55",
        code="1.002809",
        effective_from=since,
        certainty="M",
        processing=Duration(amount=3),
        fees=(
            Fee.model_validate(fee | {"code": "gplx-doi", "rule": {"by": "fixed", "amount": 100_000}}),
            Fee.model_validate(fee | {"code": "rieng", "rule": {"by": "fixed", "amount": 1_000}}),
        ),
    )
    elsewhere = own.model_copy(update={"province": "H01"})
    found = _with(PROCEDURE, localised=(own, elsewhere))
    before, after = (found.in_force("1.002809", "G09.20", day) for day in (since - timedelta(1), since))
    assert (before.processing.amount, before.fee) == (5, 135_000)
    assert (after.processing.amount, after.fee, [each.code for each in after.fees]) == (
        3,
        101_000,
        ["gplx-doi", "rieng"],
    )
    assert found.pinned("1.002809", 2, "G09.20", since - timedelta(1)) is before
    assert found.pinned("1.002809", 2, "G09.20", since) is after
    assert _with(PROCEDURE, localised=(elsewhere,)).in_force("1.002809", "G09.20", since).fee == 135_000


def test_a_province_may_name_the_only_agencies_that_take_a_procedure() -> None:
    own = Localised(province="H55", code="1.001193", effective_from=date.min, certainty="M", agencies=("H55.32",))
    found = _with(CATALOGUE.procedure("1.001193"), localised=(own,))
    assert found.in_force("1.001193", "H55.32", TODAY).agencies == ("H55.32",)
    with pytest.raises(Refusal, match="wrong_agency"):
        found.in_force("1.001193", COMMUNE, TODAY)
