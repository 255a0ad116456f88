"""The catalogue: every data file is sound, versions by day and province, and files that are wrong name every mistake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chassis.clock import VIETNAM
from chassis.errors import NotFound, Refusal
from deploy.sandbox.oidc.registry import Registry
from services.intake.domain import catalogue, fees, files, inspection
from services.intake.domain.catalogue import Catalogue, Offered
from services.intake.domain.localised import Localised
from services.intake.domain.procedure import Procedure
from services.intake.domain.process import stages
from services.intake.domain.published import published
from tests.forms import CATALOGUE, PROCEDURE, TODAY

DATA = Path(catalogue.__file__).parents[1] / "catalogue"
SHIPPED = files.read()
VERSIONS = SHIPPED.procedures
COMMUNE = "H55.31"
CODES = {
    *("1.001193", "1.000894", "2.000635", "2.000815", "2.000488", "1.002809", "1.001612", "2.000033"),
    *("1.001022", "1.000689", "1.000656", "1.004837", "1.004845", "1.004859", "1.004873", "1.004884", "1.004772"),
    *("1.004746", "1.005461", "2.001417", "2.000505"),
}
DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
NUMBERS = st.integers(1, 10**9)


def _named(version: Procedure) -> str:
    return f"{version.code}/{version.version}"


def _with(*versions: Procedure, localised: tuple[Localised, ...] = ()) -> Catalogue:
    read = files.Files(SHIPPED.agencies, [], list(localised), SHIPPED.applicant, SHIPPED.guide)
    return Catalogue.of(read, (Offered(version, True) for version in versions))


def _version(number: int, since: date, until: date | None = None) -> Procedure:
    return PROCEDURE.model_copy(update={"version": number, "effective_from": since, "effective_to": until})


def test_every_procedure_of_the_sample_is_there_and_every_file_is_sound() -> None:
    found = inspection.of_folder(files.FOLDER, TODAY)
    assert found.mistakes == ()
    assert {version.code for version in VERSIONS} == CODES == set(CATALOGUE.procedures)
    assert (found.procedures, found.versions) == (len(CODES), len(list(DATA.glob("procedures/*/*.yaml"))))


@pytest.mark.parametrize("version", VERSIONS, ids=_named)
def test_what_is_published_of_a_version_is_what_its_file_says(version: Procedure) -> None:
    said = published(version, TODAY)
    assert (said.code, said.version, said.needs_appointment) == (
        version.code,
        version.version,
        version.appointment is not None,
    )
    assert [each.name for each in said.bases] == list(said.legal_bases)
    assert [each.code for each in said.fees] == [fee.code for fee in version.fees]
    assert sum(line.amount for line in said.fee_lines) == version.fee


def test_the_licence_exchange_costs_115000_online_until_the_end_of_2025_and_135000_from_then_on() -> None:
    for day, version, online, desk in (
        (date(2025, 12, 31), 1, 115_000, 135_000),
        (date(2026, 1, 1), 2, 135_000, 135_000),
    ):
        found = CATALOGUE.in_force("1.002809", "G09.20", day)
        form = CATALOGUE.example(found)
        assert found.version == version
        assert [line.amount for line in fees.assess(found, form, True, day)] == [online]
        assert [line.amount for line in fees.assess(found, form, False, day)] == [desk]
        assert "documents" not in CATALOGUE.example(found)
    assert (PROCEDURE.processing_days, PROCEDURE.appointment is not None) == (5, True)


@pytest.mark.parametrize(
    ("code", "details", "total"),
    [
        ("2.000635", {"copies": 3}, 24_000),
        ("2.000635", {"copies": 3, "priority_group": "hộ nghèo"}, 0),
        ("2.000815", {"papers": [{"name": "Bằng", "pages": 2, "copies": 1}]}, 4_000),
        ("2.000815", {"papers": [{"name": "Bằng", "pages": 3, "copies": 2}]}, 10_000),
        ("2.000815", {"papers": [{"name": "Bằng", "pages": 500, "copies": 1}]}, 200_000),
        ("2.000488", {"group": "khác"}, 200_000),
        ("2.000488", {"group": "sinh viên"}, 100_000),
        ("2.000488", {"group": "trẻ em"}, 0),
        ("2.000033", {}, 0),
    ],
)
def test_fees_are_the_ones_of_the_circulars(code: str, details: dict[str, Any], total: int) -> None:
    found = CATALOGUE.in_force(code, CATALOGUE.takers(CATALOGUE.procedure(code))[0], TODAY)
    example = CATALOGUE.example(found)
    form = example | {"details": example["details"] | details}
    assert sum(line.amount for line in fees.assess(found, form, True, TODAY)) == total


def test_a_late_birth_costs_what_the_province_says_and_one_on_time_nothing() -> None:
    found = CATALOGUE.in_force("1.001193", COMMUNE, TODAY)
    for days, total in ((60, 0), (61, 5_000)):
        form = {"details": {"child": {"birth_date": (TODAY - timedelta(days)).isoformat()}}}
        assert sum(line.amount for line in fees.assess(found, form, True, TODAY)) == total
    assert "khai-sinh-muon" not in [fee.code for fee in CATALOGUE.procedure("1.001193").fees]


def test_a_version_begins_at_midnight_in_vietnam() -> None:
    last, first = datetime(2025, 12, 31, 16, 59, 59, tzinfo=UTC), datetime(2025, 12, 31, 17, tzinfo=UTC)
    versions = [CATALOGUE.on("1.002809", moment.astimezone(VIETNAM).date()) for moment in (last, first)]
    assert [each.version for each in versions if each] == [1, 2]


@given(
    st.lists(st.tuples(DAYS, st.one_of(st.none(), st.integers(0, 2000))), min_size=1, max_size=6),
    st.sampled_from([0, 1, 400]),
    DAYS,
)
def test_in_force_is_the_newest_open_version_that_has_begun_and_not_ended(
    spans: list[tuple[date, int | None]], shift: int, day: date
) -> None:
    versions = [
        _version(number, since, None if length is None else since + timedelta(length))
        for number, (since, length) in enumerate(spans, 1)
    ]
    wanted = [
        each.version
        for each in versions
        if each.effective_from <= day and (each.effective_to is None or day <= each.effective_to)
    ]
    found = _with(*versions).on("1.002809", day)
    assert (found.version if found else None) == max(wanted, default=None)


def test_before_the_first_version_the_refusal_names_its_day_and_after_the_last_one_that_it_is_over() -> None:
    found = _with(_version(1, date(2026, 7, 1), date(2026, 7, 31)))
    with pytest.raises(Refusal) as early:
        found.in_force("1.002809", "G09.20", date(2026, 6, 30))
    assert (early.value.code, "01/07/2026" in early.value.vi) == ("not_in_force", True)
    with pytest.raises(Refusal, match="no dossiers any more"):
        found.in_force("1.002809", "G09.20", date(2026, 8, 1))


def test_a_closed_version_takes_no_dossiers_and_stays_for_those_under_way() -> None:
    found = Catalogue.of(SHIPPED, [Offered(PROCEDURE, False)])
    assert found.on("1.002809", TODAY) is None
    assert found.pinned("1.002809", PROCEDURE.version, "G09.20", TODAY).name == PROCEDURE.name
    with pytest.raises(NotFound):
        found.pinned("1.002809", 9, "G09.20", TODAY)


def test_an_agency_that_does_not_take_a_procedure_is_refused_and_those_that_do_are_named() -> None:
    with pytest.raises(Refusal) as refusal:
        CATALOGUE.in_force("1.001193", "H55.04", TODAY)
    assert refusal.value.code == "wrong_agency"
    assert "Ủy ban nhân dân phường Hoa Ban" in refusal.value.vi


def test_copies_of_registers_are_given_by_communes_and_by_the_provinces_department_of_justice() -> None:
    takers = CATALOGUE.takers(CATALOGUE.procedure("2.000635"))
    assert {CATALOGUE.agencies[each].level for each in takers} == {"province", "commune"}
    assert "H55.08" in takers
    assert "G09.20" not in takers


def test_only_a_birth_that_is_linked_goes_to_the_police_and_the_insurance_and_comes_back() -> None:
    found, agencies = CATALOGUE.in_force("1.001193", COMMUNE, TODAY), CATALOGUE.agencies
    ways = {
        case: [stage.agency for stage in stages(found, agencies[COMMUNE], agencies, {"case": case})]
        for case in ("thuong", "lien_thong")
    }
    assert set(ways["thuong"]) == {COMMUNE}
    assert ways["lien_thong"] == [*ways["thuong"], "G09.20", "G24.19", COMMUNE]


def test_registering_anew_goes_from_the_commune_to_the_province_and_back() -> None:
    found, agencies = CATALOGUE.in_force("1.004884", COMMUNE, TODAY), CATALOGUE.agencies
    way = [stage.agency for stage in stages(found, agencies[COMMUNE], agencies, {})]
    assert (way[0], "H55.08" in way, way[-1]) == (COMMUNE, True, COMMUNE)


def test_what_is_looked_up_twice_is_the_same_thing_and_not_made_anew() -> None:
    assert CATALOGUE.in_force("1.001193", COMMUNE, TODAY) is CATALOGUE.in_force("1.001193", COMMUNE, TODAY)


def test_an_agency_is_found_by_its_alias_and_has_one_code() -> None:
    assert CATALOGUE.agency("000.00.20.G09").code == "G09.20"


def test_the_sandboxs_agencies_and_departments_have_the_catalogues_names() -> None:
    people = Registry.load()
    for code, name in people.agencies.items():
        agency = CATALOGUE.agency(code)
        assert agency.name == name
        departments = {each.department for each in people.personas.values() if each.agency == code}
        assert departments <= {agency.desk, agency.department}
        assert departments, "somebody works there"


def test_an_unknown_procedure_or_agency_is_not_found() -> None:
    with pytest.raises(NotFound):
        CATALOGUE.procedure("9.999999")
    for code, agency in (("9.999999", "G09.20"), ("1.002809", "G09.21")):
        with pytest.raises(NotFound):
            CATALOGUE.in_force(code, agency, TODAY)


@pytest.mark.parametrize("version", VERSIONS, ids=_named)
def test_the_whole_form_is_a_json_schema_that_its_example_fits(version: Procedure) -> None:
    schema = CATALOGUE.form(version)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(CATALOGUE.example(version))
    assert ("case" in schema["required"]) == bool(version.cases)
