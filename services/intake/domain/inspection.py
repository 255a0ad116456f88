"""The catalogue's data files inspected as a whole: sound, their examples right forms, their legal bases in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable

from chassis.errors import Refusal
from services.intake.domain import files, form, soundness
from services.intake.domain.catalogue import Catalogue, all_open
from services.intake.domain.files import Files, Mistake
from services.intake.domain.procedure import Procedure
from services.intake.domain.published import ending
from services.intake.domain.versions import over


@dataclass(frozen=True)
class Inspection:
    """How many procedures and versions were seen, what is wrong, and what will be: legal bases that end soon."""

    procedures: int
    versions: int
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]


def of_folder(folder: Traversable, today: date) -> Inspection:
    """All data files, as far as they can be read; provinces' own rules are applied to what they change."""
    return _inspected(files.scan(folder), today)


def of_file(name: str, text: str, today: date) -> Inspection:
    """One version's file, among the agencies and with the applicant of the catalogue that ships."""
    procedure, mistakes = files.parsed_text(name, text, Procedure)
    if procedure is None:
        return Inspection(0, 0, tuple(mistakes), ())
    shipped = files.read()
    found = Files(shipped.agencies, [procedure], [], shipped.applicant, None, mistakes)
    return _inspected(found, today, name)


def _inspected(found: Files, today: date, name: str | None = None) -> Inspection:
    catalogue = all_open(found)
    mistakes, warnings = dict.fromkeys(found.mistakes), dict[Mistake, None]()
    for procedure in found.procedures:
        mistakes |= dict.fromkeys(soundness.uncertain(name or _file_of(procedure), procedure))
    for file, procedure in _everywhere(catalogue, found, today):
        file = name or file
        takers = [each for each in catalogue.takers(procedure) if each in catalogue.agencies]
        wrong = list(soundness.mistakes(file, procedure, takers, set(catalogue.agencies), found.applicant))
        if not wrong and takers:
            wrong += _of_the_example(file, procedure, catalogue, today)
        mistakes |= dict.fromkeys(wrong)
        if not over(procedure, today):
            for basis in ending(procedure, today):
                assert basis.valid_to is not None
                days = (basis.valid_to - today).days
                told = Mistake(
                    file, f"legal_bases.{basis.name}", f"{basis.valid_to:%d/%m/%Y}, {days} ngày · {days} days"
                )
                (mistakes if days < 0 else warnings)[told] = None
    codes = {each.code for each in found.procedures}
    return Inspection(len(codes), len(found.procedures), tuple(mistakes), tuple(warnings))


def _everywhere(catalogue: Catalogue, found: Files, today: date) -> Iterator[tuple[str, Procedure]]:
    """Each version as its file says and as each province's rules make it, with the file that is to blame."""
    for procedure in found.procedures:
        yield _file_of(procedure), procedure
    for province, code, procedure in catalogue.localised_versions(today):
        yield f"localised/{province}/{code}.yaml", procedure


def _file_of(procedure: Procedure) -> str:
    return f"procedures/{procedure.code}/{procedure.version}.yaml"


def _of_the_example(file: str, procedure: Procedure, catalogue: Catalogue, today: date) -> Iterator[Mistake]:
    """What is wrong with the example as a form that is filed today, or on the version's last day."""
    day = max(today, procedure.effective_from)
    day = min(day, procedure.effective_to) if procedure.effective_to else day
    example = catalogue.example(procedure)
    try:
        form.check_details(procedure, example["agency"], example, catalogue, day, form.Schemas())
    except Refusal as refusal:
        yield from (Mistake(file, f"example: {each['path']}", each["en"]) for each in refusal.errors)
