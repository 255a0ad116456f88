"""A form's JSON Schema, compiled, and what it says is wrong in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError, ValidationErrorKind

from services.intake.domain.kinds import KINDS
from services.intake.domain.problem import Problems, named
from services.intake.domain.procedure import When

# JSON Schema's keywords in our words; what is in braces is the keyword's own limit.
_WORDS = {
    "required": ("Thiếu thông tin này.", "This field is missing."),
    "additionalProperties": ("Trường này không có trong biểu mẫu.", "This field is not part of the form."),
    "hidden": (
        "Mục này không dùng trong trường hợp đã chọn; hãy bỏ trống.", "This field has no place in the chosen case; leave it out.",
    ),
    "enum": ("Không thuộc các lựa chọn cho phép.", "Not one of the choices."),
    "const": ("Giá trị không khớp.", "Not the expected value."),
    "minLength": ("Nội dung quá ngắn (ít nhất {limit} ký tự).", "Too short (at least {limit} characters)."),
    "maxLength": ("Nội dung quá dài (nhiều nhất {limit} ký tự).", "Too long (at most {limit} characters)."),
    "type": ("Không đúng kiểu dữ liệu.", "Not of the right type."),
    "date": ("Ngày không có trong lịch (viết NĂM-THÁNG-NGÀY).", "Not a date (YYYY-MM-DD)."),
    "minimum": ("Phải từ {limit} trở lên.", "Must be at least {limit}."),
    "maximum": ("Không được quá {limit}.", "Must be at most {limit}."),
    "exclusiveMinimum": ("Phải lớn hơn {limit}.", "Must be more than {limit}."),
    "exclusiveMaximum": ("Phải nhỏ hơn {limit}.", "Must be less than {limit}."),
    "minItems": ("Cần ít nhất {limit} mục.", "At least {limit} entries are needed."),
    "maxItems": ("Nhiều nhất {limit} mục.", "At most {limit} entries."),
    "uniqueItems": ("Có mục lặp lại.", "An entry is repeated."),
    "anyOf": ("Cần điền mục này hoặc một mục thay cho nó.", "This field or one in its place is needed."),
}  # fmt: skip
_OTHER = ("Không đúng dạng.", "Not of the right form.")
_WITHOUT_HINT = {"required", "additionalProperties", "hidden", "anyOf", "date"}
_BRANCHES = ("allOf", "anyOf", "oneOf")
_CONDITIONAL = ("if", "then", "else")


@dataclass(frozen=True, slots=True)
class Schema:
    """A compiled form. Paths are dotted, without the places of a list's elements.

    `kinds`: the fields that are names, phones and so on; `conditions`: the fields that only some forms show;
    `titles` and `hints`: what the form says beside each field.
    """

    validator: jsonschema_rs.Validator
    kinds: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, When], ...]
    titles: Mapping[str, str]
    hints: Mapping[str, str]

    def check(self, form: Any, wrong: Problems) -> None:
        """Adds to `wrong` what the schema says is wrong."""
        if self.validator.is_valid(form):
            return
        judged = wrong.paths()  # what was found wrong before the schema saw it is told once
        for error in self.validator.iter_errors(form):
            if wrong.full:
                return
            for place, keyword in self._leaves(error):
                if named(place) not in judged:
                    self._tell(place, keyword, error.kind, wrong)

    def _leaves(self, error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """(place, keyword) of each wrong field; one for each that is missing, unknown or hidden."""
        place, kind = tuple(error.instance_path), error.kind
        match kind:
            case ValidationErrorKind.Required(property=missing):
                yield (*place, missing), "required"
            case ValidationErrorKind.AdditionalProperties(unexpected=names):
                yield from (((*place, name), "additionalProperties") for name in names)
            case ValidationErrorKind.UnevaluatedProperties(unexpected=names):
                for name in names:
                    known = _without_places((*place, name)) in self.titles
                    yield (*place, name), "hidden" if known else "additionalProperties"
            case ValidationErrorKind.FalseSchema():
                yield place, "hidden"
            case ValidationErrorKind.Not(schema=unwanted):
                present = [name for name in _asked_by(unwanted) if name in _fields_at(error)]
                yield from (((*place, name), "hidden") for name in present)
                if not present:
                    yield place, "not"
            case ValidationErrorKind.AnyOf(context=branches) | ValidationErrorKind.OneOfNotValid(context=branches):
                lacking = [
                    each.kind.property
                    for branch in branches
                    for each in branch
                    if isinstance(each.kind, ValidationErrorKind.Required)
                ]
                yield ((*place, lacking[0]) if len(lacking) >= len(branches) else place), "anyOf"
            case ValidationErrorKind.Format(format="date"):
                yield place, "date"
            case _:
                yield place, kind.name

    def _tell(self, place: tuple[str | int, ...], keyword: str, kind: ValidationErrorKind, wrong: Problems) -> None:
        vi, en = (text.format(limit=getattr(kind, "limit", "")) for text in _WORDS.get(keyword, _OTHER))
        hint = "" if keyword in _WITHOUT_HINT else self.hints.get(_without_places(place), "")
        vi_hint, _, en_hint = hint.partition(" / ")
        wrong.add(named(place), keyword, f"{vi} {vi_hint}".strip(), f"{en} {en_hint}".strip())


def tell(keyword: str, path: str, wrong: Problems, limit: int | None = None) -> None:
    """Adds what a schema would say with this keyword, found in another way."""
    vi, en = _WORDS[keyword]
    wrong.add(path, keyword, vi.format(limit=limit), en.format(limit=limit))


def compiled(schema: dict[str, Any], kinds_known: Iterable[tuple[str, str]] = ()) -> Schema:
    """The schema, compiled; `kinds_known` are (path, kind) of fields that need not say it. Raises ValueError for no schema."""
    flat = jsonschema_rs.dereference(schema)
    kinds = dict.fromkeys(kinds_known)
    conditions: list[tuple[str, When]] = []
    titles: dict[str, str] = {}
    hints: dict[str, str] = {}
    for path, field in _fields(flat, ()):
        titles[path] = titles.get(path) or str(field.get("title", ""))
        hints[path] = hints.get(path) or str(field.get("description", ""))
        if "x-kind" in field:
            if field["x-kind"] not in KINDS:
                raise ValueError(f"{path}: there is no x-kind {field['x-kind']!r}")
            kinds[path, field["x-kind"]] = None
        if "x-when" in field:
            conditions.append((path, When.model_validate(field["x-when"])))
    validator = jsonschema_rs.Draft202012Validator(flat, validate_formats=True)
    return Schema(validator, tuple(kinds), tuple(conditions), titles, hints)


def _fields(schema: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field that the schema names, on any branch, with its own schema."""
    if not isinstance(schema, Mapping):
        return
    for name, inner in schema.get("properties", {}).items():
        below = (*place, name)
        yield ".".join(below), inner if isinstance(inner, Mapping) else {}
        yield from _fields(inner, below)
    items = schema.get("items")
    if isinstance(items, Mapping):  # an element of a list goes by the list's own path
        yield ".".join(place), items
        yield from _fields(items, place)
    branches = [*(schema.get(word) for word in _CONDITIONAL), *schema.get("dependentSchemas", {}).values()]
    for branch in (*branches, *(each for word in _BRANCHES for each in schema.get(word, ()))):
        yield from _fields(branch, place)


def _without_places(place: tuple[str | int, ...]) -> str:
    return ".".join(part for part in place if isinstance(part, str))


def _asked_by(schema: Any) -> list[str]:
    """The names that a schema requires, on any of its alternatives."""
    if not isinstance(schema, Mapping):
        return []
    inner = [name for word in _BRANCHES for each in schema.get(word, ()) for name in _asked_by(each)]
    return [*schema.get("required", ()), *inner]


def _fields_at(error: ValidationError) -> Mapping[str, Any]:
    return error.instance if isinstance(error.instance, Mapping) else {}
