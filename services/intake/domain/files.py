"""The catalogue's data files, read whole: every mistake in them at once, by file and place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import jsonschema_rs
import yaml
from pydantic import TypeAdapter, ValidationError

from services.intake.domain.agency import Agency
from services.intake.domain.guide import Guide
from services.intake.domain.guide import mistakes as mistakes_of_guide
from services.intake.domain.localised import Localised
from services.intake.domain.procedure import Procedure

M = TypeVar("M")

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = files("services.intake") / "catalogue"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a data file, and where in it."""

    file: str
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.text}" if self.path else f"{self.file}: {self.text}"


class WrongFiles(ValueError):
    """Data files that cannot be used; `mistakes` lists them all."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


@dataclass
class Files:
    """What a catalogue's folder holds, as far as it could be read, and what is wrong with it."""

    agencies: list[Agency] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    localised: list[Localised] = field(default_factory=list)
    applicant: dict[str, Any] = field(default_factory=dict)
    guide: Guide | None = None
    mistakes: list[Mistake] = field(default_factory=list)


def read(folder: Traversable = FOLDER) -> Files:
    """The data files of the service, or of another folder. Raises WrongFiles with all that is wrong."""
    found = scan(folder)
    if found.mistakes:
        raise WrongFiles(found.mistakes)
    return found


def scan(folder: Traversable = FOLDER) -> Files:
    """As `read`, with the mistakes in the answer."""
    found = Files()
    found.agencies = _parsed(folder, "agencies.yaml", list[Agency], found.mistakes) or []
    found.applicant = _parsed(folder, "applicant.yaml", dict[str, Any], found.mistakes) or {}
    found.mistakes += of_schema("applicant.yaml", "", found.applicant)
    found.guide = _parsed(folder, "guide.yaml", Guide, found.mistakes)
    for file, (code, version) in _below(folder / "procedures", "procedures"):
        procedure = _parsed(folder, file, Procedure, found.mistakes)
        if procedure is None:
            continue
        if (procedure.code, str(procedure.version)) != (code, version):
            found.mistakes.append(Mistake(file, "code", f"is {procedure.code} version {procedure.version}"))
        found.mistakes += of_schema(file, "details", procedure.details)
        found.procedures.append(procedure)
    for file, (province, code) in _below(folder / "localised", "localised"):
        local = _parsed(folder, file, list[Localised], found.mistakes) or []
        found.mistakes += [
            Mistake(file, str(place), f"is of {each.province}, {each.code}")
            for place, each in enumerate(local)
            if (each.province, each.code) != (province, code)
        ]
        found.localised += local
    found.mistakes += _together(found)
    return found


def parsed(file: str, data: Any, kind: type[M]) -> tuple[M | None, list[Mistake]]:
    """Data as this kind of thing, or what is wrong with it."""
    try:
        return TypeAdapter[M](kind).validate_python(data), []
    except ValidationError as error:
        return None, [
            Mistake(file, ".".join(map(str, each["loc"])), each["msg"]) for each in error.errors(include_url=False)
        ]


def parsed_text(file: str, text: str, kind: type[M]) -> tuple[M | None, list[Mistake]]:
    """YAML as this kind of thing, or what is wrong with it."""
    try:
        data = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:  # a day that no calendar has is a ValueError
        return None, [Mistake(file, "", " ".join(str(error).split()))]
    return parsed(file, data, kind)


def _parsed(folder: Traversable, file: str, kind: type[M], mistakes: list[Mistake]) -> M | None:
    try:
        text = _at(folder, file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(file, "", " ".join(str(error).split())))
        return None
    found, wrong = parsed_text(file, text, kind)
    mistakes += wrong
    return found


def _at(folder: Traversable, file: str) -> Traversable:
    for part in file.split("/"):
        folder = folder / part
    return folder


def _below(folder: Traversable, name: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """`NAME/A/B.yaml` with (A, B), in their order."""
    if not folder.is_dir():
        return
    for inner in sorted(folder.iterdir(), key=lambda each: each.name):
        for file in sorted(inner.iterdir(), key=lambda each: each.name):
            yield f"{name}/{inner.name}/{file.name}", (inner.name, file.name.removesuffix(".yaml"))


def of_schema(file: str, path: str, schema: Any) -> Iterator[Mistake]:
    """What is wrong with a JSON Schema as such."""
    try:
        jsonschema_rs.meta.validate({"$schema": _DRAFT, **schema} if isinstance(schema, dict) else schema)
    except jsonschema_rs.ValidationError as error:
        inside = ".".join(map(str, error.instance_path))
        yield Mistake(file, f"{path}.{inside}".strip("."), error.message)


def _together(found: Files) -> Iterator[Mistake]:
    """What is wrong between the files."""
    known = [name for agency in found.agencies for name in (agency.code, *agency.aliases)]
    for name in sorted({name for name in known if known.count(name) > 1}):
        yield Mistake("agencies.yaml", name, "is two agencies")
    codes = {agency.code for agency in found.agencies}
    for agency in found.agencies:
        if agency.parent is not None and agency.parent not in codes:
            yield Mistake("agencies.yaml", f"{agency.code}.parent", f"no such agency: {agency.parent}")
    for each in found.procedures:
        for unknown in sorted(set(each.agencies) - codes):
            yield Mistake(f"procedures/{each.code}/{each.version}.yaml", "agencies", f"no such agency: {unknown}")
    procedures = {each.code for each in found.procedures}
    for local in found.localised:
        file = f"localised/{local.province}/{local.code}.yaml"
        if local.code not in procedures:
            yield Mistake(file, "code", "no such procedure")
        for unknown in sorted(set(local.agencies) - codes):
            yield Mistake(file, "agencies", f"no such agency: {unknown}")
    if found.guide is not None:
        newest = {each.code: each for each in sorted(found.procedures, key=lambda each: each.version)}
        for path, text in mistakes_of_guide(found.guide, list(newest.values())):
            yield Mistake("guide.yaml", path, text)
