"""The catalogue: which version of a procedure is in force at an agency on a day, and the form that it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from chassis.errors import NotFound, Refusal
from services.intake.domain import files, whole_form
from services.intake.domain.agency import Agency
from services.intake.domain.files import Files
from services.intake.domain.localised import Localised, applied
from services.intake.domain.procedure import Procedure

__all__ = ["Agency", "Catalogue", "Offered", "Procedure", "load"]


class Offered(NamedTuple):
    """A version that is open to new dossiers, or was once; its `effective_to` says until when it is in force."""

    procedure: Procedure
    is_open: bool


class _Local(NamedTuple):
    """A version as it is in one province from a day on."""

    since: date
    procedure: Procedure


@dataclass(frozen=True)
class Catalogue:
    """All that dossiers are filed and worked on by; `offered` has the versions by code, newest first."""

    offered: Mapping[str, tuple[Offered, ...]]
    agencies: Mapping[str, Agency]
    localised: tuple[Localised, ...]
    applicant: Mapping[str, Any]

    @classmethod
    def of(cls, read: Files, offered: Iterable[Offered]) -> Catalogue:
        """What the data files say of agencies, provinces and applicants, with these versions."""
        by_code: dict[str, list[Offered]] = {}
        for each in offered:
            by_code.setdefault(each.procedure.code, []).append(each)
        return cls(
            {
                code: tuple(sorted(versions, key=lambda each: each.procedure.version, reverse=True))
                for code, versions in sorted(by_code.items())
            },
            {name: agency for agency in read.agencies for name in (agency.code, *agency.aliases)},
            tuple(read.localised),
            read.applicant,
        )

    @cached_property
    def procedures(self) -> Mapping[str, Procedure]:
        """The newest open version of each procedure, as it is in the whole country."""
        newest = {
            code: next((procedure for procedure, is_open in versions if is_open), None)
            for code, versions in self.offered.items()
        }
        return {code: procedure for code, procedure in newest.items() if procedure is not None}

    def procedure(self, code: str) -> Procedure:
        """The newest open version. Raises NotFound."""
        if code not in self.procedures:
            raise _no_procedure(code)
        return self.procedures[code]

    def agency(self, name: str) -> Agency:
        """By its code or by one that it has or had elsewhere. Raises NotFound."""
        if name not in self.agencies:
            raise NotFound(f"Không có cơ quan {name} trong danh mục.", f"There is no agency {name}.")
        return self.agencies[name]

    def in_force(self, code: str, agency: str, day: date) -> Procedure:
        """The open version of this day, as it is in the agency's province.

        Raises NotFound for what is unknown, and Refusal when no version is open that day (`not_in_force`) or the agency
        does not take the procedure (`wrong_agency`).
        """
        if code not in self.offered:
            raise _no_procedure(code)
        at = self.agency(agency)
        version = self.on(code, day)
        if version is None:
            raise Refusal("not_in_force", *_when(code, self.offered[code], day), 409)
        found = self._local(version, at.province, day)
        if at.code not in found.agencies:
            able = [self.agencies[each].name for each in found.agencies]
            raise Refusal(
                "wrong_agency",
                f"{at.name} không giải quyết thủ tục này. Hãy nộp tại: {'; '.join(able) or 'cơ quan ở tỉnh khác'}.",
                f"{at.code} does not take this procedure; {', '.join(found.agencies) or 'another province'} does.",
                409,
            )
        return found

    def on(self, code: str, day: date) -> Procedure | None:
        """The open version of this day as it is in the whole country; of two, the newer one."""
        for procedure, is_open in self.offered.get(code, ()):
            until = procedure.effective_to
            if is_open and procedure.effective_from <= day and (until is None or day <= until):
                return procedure
        return None

    def everywhere(self, day: date) -> Iterator[Procedure]:
        """Every open version as it is in each province on this day, whether it is in force yet or not."""
        for versions in self.offered.values():
            for procedure, is_open in versions:
                if is_open:
                    for province in self._locals[procedure.code, procedure.version]:
                        yield self._local(procedure, province, day)

    def localised_versions(self, day: date) -> Iterator[tuple[str, str, Procedure]]:
        """(province, code, version) of each version that a province has its own rules for, as it is there on this day."""
        for local in dict.fromkeys((each.province, each.code) for each in self.localised):
            for procedure, _ in self.offered.get(local[1], ()):
                yield *local, self._local(procedure, local[0], day)

    def pinned(self, code: str, version: int, agency: str, filed: date) -> Procedure:
        """The version that a dossier was filed under, as it was in the agency's province on that day, open or not.

        Raises NotFound.
        """
        for procedure, _ in self.offered.get(code, ()):
            if procedure.version == version:
                return self._local(procedure, self.agency(agency).province, filed)
        raise NotFound(f"Không có phiên bản {version} của thủ tục {code}.", f"There is no version {version} of {code}.")

    def takers(self, procedure: Procedure) -> tuple[str, ...]:
        """The codes of all agencies that take it; of a version in a province, those of the province."""
        return procedure.agencies or tuple(self._by_rank(procedure))

    def form(self, procedure: Procedure) -> dict[str, Any]:
        """The JSON Schema of the whole form (draft 2020-12); drives validation and documentation alike."""
        return whole_form.schema(procedure, self.takers(procedure), self.applicant)

    def example(self, procedure: Procedure) -> dict[str, Any]:
        """A form filled with the examples that the data files give, or else with the first choice."""
        return whole_form.example(procedure, self.takers(procedure)[0], self.applicant)

    def _local(self, procedure: Procedure, province: str, day: date) -> Procedure:
        versions = self._locals[procedure.code, procedure.version].get(province, ())
        return next((each.procedure for each in versions if each.since <= day), procedure)

    @cached_property
    def _locals(self) -> Mapping[tuple[str, int], Mapping[str, tuple[_Local, ...]]]:
        """Every version in every province, newest rules first: found and never made while somebody waits."""
        provinces = sorted({agency.province for agency in self.agencies.values()})
        return {
            (procedure.code, procedure.version): {
                province: tuple(self._of_province(procedure, province)) for province in provinces
            }
            for versions in self.offered.values()
            for procedure, _ in versions
        }

    def _of_province(self, procedure: Procedure, province: str) -> Iterator[_Local]:
        able = tuple(code for code in self.takers(procedure) if self.agencies[code].province == province)
        own = [each for each in self.localised if (each.province, each.code) == (province, procedure.code)]
        for local in sorted(own, key=lambda each: each.effective_from, reverse=True):
            yield _Local(local.effective_from, applied(procedure, local, able))
        yield _Local(date.min, applied(procedure, None, able))

    def _by_rank(self, procedure: Procedure) -> Iterator[str]:
        for name, agency in self.agencies.items():
            if name == agency.code and agency.level in procedure.levels and procedure.domain in agency.domains:
                yield agency.code


def load(folder: Traversable = files.FOLDER) -> Catalogue:
    """The catalogue as the data files say it. Raises files.WrongFiles."""
    return all_open(files.read(folder))


def all_open(read: Files) -> Catalogue:
    """The data files' catalogue, each of its versions open."""
    return Catalogue.of(read, (Offered(procedure, True) for procedure in read.procedures))


def _no_procedure(code: str) -> NotFound:
    return NotFound(f"Không có thủ tục {code} trong danh mục.", f"There is no procedure {code}.")


def _when(code: str, versions: tuple[Offered, ...], day: date) -> tuple[str, str]:
    begins = min((p.effective_from for p, is_open in versions if is_open and p.effective_from > day), default=None)
    if begins is None:
        return (
            f"Thủ tục {code} không còn nhận hồ sơ. Hãy xem danh mục để tìm thủ tục thay thế.",
            f"{code} takes no dossiers any more. Look into the catalogue for what replaces it.",
        )
    return f"Thủ tục {code} nhận hồ sơ từ ngày {begins:%d/%m/%Y}.", f"{code} takes dossiers from {begins} on."
