"""What differs between two versions of a procedure, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.intake.domain import fees
from services.intake.domain.fact import Duration, LegalBasis
from services.intake.domain.procedure import Fee, Paper, Procedure, ProcessStep

_UNITS = {"working_days": ("ngày làm việc", "working days"), "working_hours": ("giờ làm việc", "working hours")}
_PLAIN = (
    ("name", "Tên"), ("domain", "Lĩnh vực"), ("levels", "Cấp thực hiện"), ("agencies", "Cơ quan"),
    ("online", "Mức độ trực tuyến"), ("effective_from", "Hiệu lực từ"), ("effective_to", "Hiệu lực đến"),
    ("payment_days", "Số ngày để nộp phí"), ("supplement_days", "Số ngày để bổ sung"), ("result", "Kết quả"),
    ("delivery", "Cách trả kết quả"), ("appointment", "Lịch hẹn"), ("cases", "Các trường hợp"),
    ("rules", "Quy tắc của tờ khai"),
)  # fmt: skip
_NOTHING = ("không có", "nothing")

Words = tuple[str, str]
"""In Vietnamese and in English."""


class Difference(NamedTuple):
    """One fact, and what both versions say of it; what is not there is “không có”, nothing."""

    what: Words
    before: Words
    after: Words

    def __str__(self) -> str:
        vi, en = (f"{self.what[at]}: {self.before[at]} → {self.after[at]}" for at in (0, 1))
        return f"{vi} · {en}"


def differences(before: Procedure, after: Procedure) -> list[Difference]:
    """Every fact that is not the same, in the order of the data file; nothing for equal content."""
    old, new = dict(_facts(before)), dict(_facts(after))
    return [
        Difference(what, old.get(what, _NOTHING), new.get(what, _NOTHING))
        for what in dict.fromkeys([*old, *new])
        if old.get(what) != new.get(what)
    ]


def _facts(procedure: Procedure) -> Iterator[tuple[Words, Words]]:
    said = procedure.model_dump(mode="json", exclude_none=True)
    for name, vi in _PLAIN:
        if said.get(name):
            yield (vi, name), _same(said[name])
    for name, certainty in procedure.certainty.items():
        yield (f"Độ chắc chắn của {name}", f"certainty of {name}"), _same(certainty)
    yield ("Thời hạn giải quyết", "processing"), _time(procedure.processing)
    if procedure.extended is not None:
        yield ("Thời hạn khi phải xác minh", "extended"), _time(procedure.extended)
    for basis in procedure.legal_bases:
        yield (f"Căn cứ pháp lý {basis.name}", f"legal basis {basis.name}"), _basis(basis)
    for fee in procedure.fees:
        yield from _fee(fee)
    for paper in procedure.documents:
        yield (f"Giấy tờ “{paper.name}”", f"document {paper.key}"), _paper(paper)
    order = " → ".join(step.key for step in procedure.process)
    yield ("Trình tự các bước", "order of steps"), (order, order)
    for step in procedure.process:
        yield (f"Bước “{step.name}”", f"step {step.key}"), _step(step)
    for path, field in _fields(procedure.details, "details"):
        yield (f"Trường “{field.get('title', path)}” ({path})", f"field {path}"), _same(field)
    frame = {name: value for name, value in procedure.details.items() if name not in {"properties", "examples"}}
    yield ("Khung tờ khai", "form's frame"), _same(frame)
    if "examples" in procedure.details:
        yield ("Ví dụ của tờ khai", "form's examples"), _same(procedure.details["examples"])


def _fee(fee: Fee) -> Iterator[tuple[Words, Words]]:
    vi, en = f"{fee.kind.capitalize()} “{fee.name}”", f"fee {fee.code}"
    words = fees.in_words(fee.rule)
    yield (vi, en), (words, f"{words} [{_text(fee.rule.model_dump(mode='json'))}]")
    others = fee.model_dump(mode="json", exclude={"code", "kind", "name", "rule"}, exclude_none=True)
    names = {
        "legal_basis": "căn cứ", "beneficiary": "tài khoản thụ hưởng", "refundable": "hoàn trả",
        "valid_from": "áp dụng từ", "valid_to": "áp dụng đến", "reductions": "miễn, giảm",
        "online": "giảm khi nộp trực tuyến", "certainty": "độ chắc chắn",
    }  # fmt: skip
    yield from (((f"{vi}, {names[name]}", f"{en}, {name}"), _same(value)) for name, value in others.items() if value)


def _time(duration: Duration) -> Words:
    vi, en = _UNITS[duration.unit]
    if duration.amount == 0:
        return f"trong ngày [{duration.certainty}]", f"same day [{duration.certainty}]"
    return f"{duration.amount} {vi} [{duration.certainty}]", f"{duration.amount} {en} [{duration.certainty}]"


def _basis(basis: LegalBasis) -> Words:
    since = f"{basis.valid_from:%d/%m/%Y}" if basis.valid_from else "?"
    until = f"{basis.valid_to:%d/%m/%Y}" if basis.valid_to else "…"
    said = f"{basis.article or '–'}, {since}-{until} [{basis.certainty}]"
    return said, said


def _paper(paper: Paper) -> Words:
    rest = paper.model_dump(
        mode="json", include={"name", "at_desk", "when", "most_files", "certainty"}, exclude_none=True
    )
    must = ("bắt buộc", "required") if paper.required else ("không bắt buộc", "not required")
    return (
        f"{must[0]}, {paper.originals} bản chính, {paper.copies} bản sao {_text(rest)}",
        f"{must[1]}, originals {paper.originals}, copies {paper.copies} {_text(rest)}",
    )


def _step(step: ProcessStep) -> Words:
    vi, en = _time(step.time) if step.time else ("không quy định thời gian", "no time set")
    rest = _text(step.model_dump(mode="json", include={"name", "procedure", "when", "certainty"}, exclude_none=True))
    return f"{step.department} ({step.at}), {vi} {rest}", f"{step.department} ({step.at}), {en} {rest}"


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        inner = field if isinstance(field, Mapping) else {"schema": field}
        yield f"{path}.{name}", {key: value for key, value in inner.items() if key != "properties"}
        yield from _fields(inner, f"{path}.{name}")


def _same(value: Any) -> Words:
    said = value if isinstance(value, str) else _text(value)
    return said, said


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
