"""The catalogue of procedures and agencies, as data files say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict

from chassis.errors import NotFound
from contracts.dossiers import Appointment
from contracts.money import FeeLine, total
from contracts.procedures import Published


class Agency(BaseModel):
    """An agency with its one-stop desk; `code_pattern` forms its dossier codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    department: str
    desk: str
    aliases: tuple[str, ...] = ()
    code_pattern: str

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
    agencies: tuple[str, ...]
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
            "type": "object",
            "additionalProperties": False,
            "required": ["procedure", "agency", "applicant", "details"],
            "properties": {
                "procedure": {"const": procedure.code, "title": "Mã thủ tục"},
                "agency": {"enum": list(procedure.agencies), "title": "Cơ quan giải quyết"},
                "applicant": dict(self.applicant),
                "details": procedure.details,
            },
        }

    @cached_property
    def validators(self) -> Mapping[str, Draft202012Validator]:
        """A compiled validator of the whole form for each procedure."""
        return {code: Draft202012Validator(self.form(procedure)) for code, procedure in self.procedures.items()}


def load() -> Catalogue:
    """The catalogue that ships with the service.

    Raises pydantic.ValidationError or jsonschema.SchemaError for a data file that is wrong: better at start than later.
    """
    folder = files("services.intake") / "catalogue"
    read = {
        file.name: yaml.safe_load(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".yaml")
    }
    applicant = read.pop("applicant.yaml")
    agencies = [Agency.model_validate(each) for each in read.pop("agencies.yaml")]
    procedures = [Procedure.model_validate(each) for each in read.values()]
    for schema in (applicant, *(procedure.details for procedure in procedures)):
        Draft202012Validator.check_schema(schema)
    by_name = {name: agency for agency in agencies for name in (agency.code, *agency.aliases)}
    return Catalogue({procedure.code: procedure for procedure in procedures}, by_name, applicant)
