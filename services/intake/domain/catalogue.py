"""The catalogue of procedures and agencies, as data files say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, field_validator

from chassis.errors import NotFound
from contracts.dossiers import Appointment
from contracts.money import FeeLine, total
from contracts.procedures import Published

T = TypeVar("T")

_FOLDER = files("services.intake") / "catalogue"


class Agency(BaseModel):
    """An agency with its one-stop desk; `code_pattern` forms its dossier codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    department: str
    desk: str
    aliases: tuple[str, ...] = ()
    code_pattern: str

    @field_validator("code_pattern")
    @classmethod
    def _tells_dossiers_apart(cls, pattern: str) -> str:
        days = (date(2026, 1, 1), date(2026, 1, 2), date(2027, 1, 1))
        try:
            codes = {
                pattern.format(agency="X", day=day, number=number) for day in days for number in (1, 9_999, 10_001)
            }
        except (KeyError, IndexError) as error:
            raise ValueError(f"knows agency, day and number, not {error}") from None
        if len(codes) != 9:
            raise ValueError("gives one code to two dossiers")
        return pattern

    def dossier_code(self, day: date, number: int) -> str:
        """The code of the day's n-th dossier (TT 01/2018 art. 19); past 9,999 it gets wider, never wraps."""
        return self.code_pattern.format(agency=self.code, day=day, number=number)


class Procedure(BaseModel):
    """One version of an administrative procedure. `details` is the JSON Schema of its own part of the form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    version: int
    name: str
    effective_from: date
    processing_days: int
    payment_days: int
    result: str
    legal_bases: tuple[str, ...]
    agencies: tuple[str, ...] = Field(min_length=1)
    fee_lines: tuple[FeeLine, ...] = ()
    appointment: Appointment | None = None
    details: dict[str, Any]

    @property
    def fee(self) -> int:
        """What must be paid, in đồng."""
        return total(self.fee_lines)

    def published(self) -> Published:
        """What the public catalogue says of it."""
        return Published(
            code=self.code,
            version=self.version,
            name=self.name,
            effective_from=self.effective_from,
            processing_days=self.processing_days,
            needs_appointment=self.appointment is not None,
            fee_lines=self.fee_lines,
            legal_bases=self.legal_bases,
        )


@dataclass(frozen=True)
class Catalogue:
    """All procedures by code and agencies by code and alias."""

    procedures: Mapping[str, Procedure]
    agencies: Mapping[str, Agency]
    applicant: Mapping[str, Any]

    def procedure(self, code: str) -> Procedure:
        """Raises NotFound."""
        if code not in self.procedures:
            raise NotFound(f"Không có thủ tục {code} trong danh mục.", f"There is no procedure {code}.")
        return self.procedures[code]

    def form(self, procedure: Procedure) -> dict[str, Any]:
        """The JSON Schema of the whole form (draft 2020-12); drives validation and documentation alike."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": procedure.name,
            **self._schema({"const": procedure.code}, {"enum": list(procedure.agencies)}, procedure.details),
        }

    def validator(self, code: object) -> Draft202012Validator:
        """The compiled schema of a procedure's form; for any other `code` one that asks what all forms ask."""
        return self._validators.get(code, self._of_any) if isinstance(code, str) else self._of_any

    def example(self, procedure: Procedure) -> dict[str, Any]:
        """A form filled with the examples that the data files give, or else with the first choice."""

        def filled(schema: Mapping[str, Any]) -> dict[str, Any]:
            fields = schema["properties"].items()
            return {name: (field.get("examples") or field["enum"])[0] for name, field in fields}

        return {
            "procedure": procedure.code,
            "agency": procedure.agencies[0],
            "applicant": filled(self.applicant),
            "details": filled(procedure.details),
        }

    @cached_property
    def _validators(self) -> Mapping[str, Draft202012Validator]:
        return {code: Draft202012Validator(self.form(procedure)) for code, procedure in self.procedures.items()}

    @cached_property
    def _of_any(self) -> Draft202012Validator:
        return Draft202012Validator(
            self._schema({"enum": list(self.procedures)}, {"type": "string"}, {"type": "object"})
        )

    def _schema(self, procedure: dict[str, Any], agency: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "required": ["procedure", "agency", "applicant", "details"],
            "properties": {
                "procedure": {**procedure, "title": "Mã thủ tục"},
                "agency": {**agency, "title": "Cơ quan giải quyết"},
                "applicant": dict(self.applicant),
                "details": details,
            },
        }


def load(folder: Traversable = _FOLDER) -> Catalogue:
    """The catalogue that ships with the service, or one in another folder.

    Raises pydantic.ValidationError, jsonschema.SchemaError or ValueError for a data file that is wrong: better at start
    than later.
    """
    read = {
        file.name: yaml.safe_load(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".yaml")
    }
    applicant = read.pop("applicant.yaml")
    agencies = [Agency.model_validate(each) for each in read.pop("agencies.yaml")]
    procedures = [Procedure.model_validate(each) for each in read.values()]
    for schema in (applicant, *(procedure.details for procedure in procedures)):
        Draft202012Validator.check_schema(schema)
    by_name = _once("agency", [(name, agency) for agency in agencies for name in (agency.code, *agency.aliases)])
    by_code = _once("procedure", [(procedure.code, procedure) for procedure in procedures])
    for procedure in procedures:
        if unknown := set(procedure.agencies) - {agency.code for agency in agencies}:
            raise ValueError(f"procedure {procedure.code}: no such agency: {', '.join(sorted(unknown))}")
    return Catalogue(by_code, by_name, applicant)


def _once(what: str, named: Sequence[tuple[str, T]]) -> dict[str, T]:
    names = [name for name, _ in named]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} defined twice: {', '.join(twice)}")
    return dict(named)
