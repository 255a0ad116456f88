"""The catalogue: every data file is sound, and one that is not stops the service at its start."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, SchemaError
from pydantic import ValidationError

from chassis.errors import NotFound
from deploy.sandbox.oidc.registry import Registry
from services.intake.domain import catalogue
from services.intake.domain.catalogue import Agency, Procedure
from tests.forms import AGENCY, CATALOGUE, PROCEDURE, TODAY, refused

DATA = Path(catalogue.__file__).parents[1] / "catalogue"
PROCEDURES = list(CATALOGUE.procedures.values())
AGENCIES = list({agency.code: agency for agency in CATALOGUE.agencies.values()}.values())
DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
NUMBERS = st.integers(1, 10**9)


def test_every_data_file_is_loaded() -> None:
    assert len(list(DATA.glob("*.yaml"))) == len(PROCEDURES) + len({"applicant", "agencies"})


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.code)
def test_the_example_in_the_documentation_is_itself_a_right_form(procedure: Procedure) -> None:
    example = CATALOGUE.example(procedure)
    assert refused(example) == {}
    Draft202012Validator(CATALOGUE.form(procedure)).validate(example)


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.code)
def test_every_field_has_a_title_for_people_and_every_example_fits_it(procedure: Procedure) -> None:
    for schema in (CATALOGUE.applicant, procedure.details):
        for name, field in schema["properties"].items():
            assert field["title"], name
            for example in field.get("examples", ()):
                Draft202012Validator(field).validate(example)


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.code)
def test_what_is_published_of_a_procedure_is_what_its_file_says(procedure: Procedure) -> None:
    published = procedure.published()
    assert (published.code, published.version, published.needs_appointment) == (
        procedure.code,
        procedure.version,
        procedure.appointment is not None,
    )
    assert sum(line.amount for line in published.fee_lines) == procedure.fee


def test_the_licence_exchange_costs_135000_and_needs_an_appointment() -> None:
    assert (PROCEDURE.fee, PROCEDURE.processing_days, PROCEDURE.appointment is not None) == (135_000, 5, True)


def test_an_agency_is_found_by_its_alias_and_has_one_code() -> None:
    assert CATALOGUE.agencies["000.00.20.G09"].code == "G09.20"


def test_the_sandbox_knows_agencies_and_departments_by_the_catalogues_names() -> None:
    people = Registry.load()
    for agency in AGENCIES:
        assert people.agencies[agency.code] == agency.name
        departments = {each.department for each in people.personas.values() if each.agency == agency.code}
        assert departments == {agency.desk, agency.department}


def test_an_unknown_procedure_is_not_found() -> None:
    with pytest.raises(NotFound):
        CATALOGUE.procedure("9.999999")


def test_a_dossier_code_names_agency_day_and_number() -> None:
    assert AGENCY.dossier_code(TODAY, 1) == "G09.20-260609-0001"
    seven = AGENCY.model_copy(update={"code_pattern": "{agency}-{day:%Y%m%d}-{number:07d}"})
    assert seven.dossier_code(TODAY, 92_637) == "G09.20-20260609-0092637"


def test_a_code_past_9999_gets_wider_and_never_wraps() -> None:
    codes = [AGENCY.dossier_code(TODAY, number) for number in (9_999, 10_000, 10_001, 123_456)]
    assert [code.rsplit("-", 1)[1] for code in codes] == ["9999", "10000", "10001", "123456"]


@pytest.mark.parametrize("agency", AGENCIES, ids=lambda agency: agency.code)
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


@given(st.integers(0, 365 * 30))
def test_every_day_has_its_own_codes(days: int) -> None:
    day = TODAY + timedelta(days)
    assert AGENCY.dossier_code(day, 1) != AGENCY.dossier_code(day + timedelta(1), 1)


def _altered(tmp_path: Path, file: str, change: Callable[[Any], Any]) -> Path:
    folder = tmp_path / "catalogue"
    shutil.copytree(DATA, folder)
    data = yaml.safe_load((folder / file).read_text("utf-8"))
    (folder / file).write_text(yaml.safe_dump(json.loads(json.dumps(change(data), default=str))), "utf-8")
    return folder


def test_an_unchanged_copy_of_the_data_loads(tmp_path: Path) -> None:
    assert catalogue.load(_altered(tmp_path, "1.002809.yaml", lambda data: data)) == CATALOGUE


@pytest.mark.parametrize(
    ("file", "change", "error"),
    [
        ("1.002809.yaml", lambda data: data | {"agencies": ["G09.21"]}, ValueError),
        ("1.002809.yaml", lambda data: data | {"agencies": ["000.00.20.G09"]}, ValueError),
        ("1.002809.yaml", lambda data: data | {"agencies": []}, ValidationError),
        ("1.002809.yaml", lambda data: data | {"processing_day": 5}, ValidationError),
        ("1.002809.yaml", lambda data: data | {"details": {"type": "objekt"}}, SchemaError),
        ("1.002809.yaml", lambda data: data | {"fee_lines": [data["fee_lines"][0] | {"amount": -1}]}, ValidationError),
        ("1.002809.yaml", lambda data: data | {"fee_lines": [data["fee_lines"][0] | {"amount": 0.5}]}, ValidationError),
        ("applicant.yaml", lambda data: data | {"required": "name"}, SchemaError),
        ("agencies.yaml", lambda data: [*data, data[0]], ValueError),
        ("agencies.yaml", lambda data: [*data, data[0] | {"code": "G09.21"}], ValueError),
        ("agencies.yaml", lambda data: [data[0] | {"code_pattern": "{agency}"}], ValidationError),
    ],
)
def test_a_wrong_data_file_stops_the_service_at_its_start(
    tmp_path: Path, file: str, change: Callable[[Any], Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        catalogue.load(_altered(tmp_path, file, change))


def test_two_files_for_one_procedure_are_refused(tmp_path: Path) -> None:
    folder = _altered(tmp_path, "1.002809.yaml", lambda data: data)
    shutil.copy(folder / "1.002809.yaml", folder / "copy.yaml")
    with pytest.raises(ValueError, match=r"1\.002809"):
        catalogue.load(folder)
