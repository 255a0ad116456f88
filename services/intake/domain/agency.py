"""Agencies: where they stand in the country, what they take in, and the codes of their dossiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import field_validator

from services.intake.domain.procedure import Fact, Level


class Agency(Fact):
    """An agency with its one-stop desk; `code_pattern` forms its dossier codes.

    `domains` are the ones whose procedures it takes where those name no agencies. `calendar` names its working hours.
    """

    code: str
    name: str
    level: Level
    province: str
    parent: str | None = None
    department: str
    desk: str
    domains: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    code_pattern: str
    calendar: str = "default"

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


def canonical(code: str, agencies: Mapping[str, Agency]) -> str:
    """A dossier's code as it was given, from one that is written with an older code of its agency."""
    older = sorted((name for name, agency in agencies.items() if name != agency.code), key=len, reverse=True)
    for name in older:
        agency = agencies[name]
        before, _, after = agency.code_pattern.partition("{agency}")
        if (
            not before
            and code.startswith(name)
            and not code.startswith(agency.code)
            and after[:1] == code[len(name) :][:1]
        ):
            return agency.code + code[len(name) :]
    return code
