"""The whole form of a procedure as a JSON Schema: its own details in the frame that all forms have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.intake.domain.paths import met
from services.intake.domain.procedure import Procedure

_DELIVERY = {"desk": "tại quầy", "post": "qua bưu chính", "online": "bản điện tử"}
_TEXT = {"type": "string"}


def schema(procedure: Procedure, agencies: Sequence[str], applicant: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema, draft 2020-12. Parts that a procedure has no use for are not in it, and so may not be in a form."""
    parts: dict[str, Any] = {"version": {"title": "Phiên bản thủ tục đã xem", "const": procedure.version}}
    asked = []
    if procedure.cases:
        parts["case"] = {
            "title": "Trường hợp",
            "enum": [case.key for case in procedure.cases],
            "description": "; ".join(f"{case.key}: {case.name}" for case in procedure.cases),
        }
        asked.append("case")
    if procedure.documents:
        parts["documents"] = _documents(procedure)
        at_desk = [paper.key for paper in procedure.documents if paper.at_desk]
        if at_desk:
            parts["at_desk"] = {
                "title": "Giấy tờ nộp hoặc xuất trình tại quầy",
                "type": "array",
                "uniqueItems": True,
                "items": {"enum": at_desk},
            }
    parts["delivery"] = _delivery(procedure)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": procedure.name,
        **_frame({"const": procedure.code}, {"enum": list(agencies)}, applicant, procedure.details, parts, asked),
    }


def of_any(procedures: Sequence[str], applicant: Mapping[str, Any]) -> dict[str, Any]:
    """What all forms ask, for one whose procedure is not known."""
    details: dict[str, Any] = {"type": "object"}
    free: dict[str, Any] = {"version": {}, "case": {}, "documents": {}, "at_desk": {}, "delivery": {}}
    return _frame({"enum": list(procedures)}, _TEXT, applicant, details, free, [])


def example(procedure: Procedure, agency: str, applicant: Mapping[str, Any]) -> dict[str, Any]:
    """A right form without uploads, filled with the examples of the data files.

    A required document is said to be brought to the desk where that is allowed.
    """
    form: dict[str, Any] = {"procedure": procedure.code, "agency": agency}
    if procedure.cases:
        form["case"] = procedure.cases[0].key
    form |= {"applicant": _filled(applicant), "details": _filled(procedure.details)}
    brought = [
        paper.key
        for paper in procedure.documents
        if paper.required and paper.at_desk and (paper.when is None or met(paper.when, form))
    ]
    return form | ({"at_desk": brought} if brought else {})


def _frame(
    procedure: dict[str, Any],
    agency: dict[str, Any],
    applicant: Mapping[str, Any],
    details: dict[str, Any],
    parts: dict[str, Any],
    asked: Sequence[str],
) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["procedure", "agency", *asked, "applicant", "details"],
        "properties": {
            "procedure": {**procedure, "title": "Mã thủ tục"},
            "agency": {**agency, "title": "Cơ quan giải quyết"},
            "applicant": dict(applicant),
            "details": details,
            **parts,
        },
    }


def _documents(procedure: Procedure) -> dict[str, Any]:
    return {
        "title": "Thành phần hồ sơ",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            paper.key: {
                "title": paper.name,
                "type": "array",
                "minItems": 1,
                "maxItems": paper.most_files,
                "uniqueItems": True,
                "items": {"type": "string", "format": "uuid"},
            }
            for paper in procedure.documents
        },
    }


def _delivery(procedure: Procedure) -> dict[str, Any]:
    return {
        "title": "Cách nhận kết quả",
        "type": "object",
        "additionalProperties": False,
        "required": ["method"],
        "properties": {
            "method": {
                "enum": list(procedure.delivery),
                "description": "; ".join(f"{method}: {_DELIVERY[method]}" for method in procedure.delivery),
            },
            "address": {"title": "Địa chỉ nhận", "type": "string", "minLength": 10, "maxLength": 300},
        },
        "if": {"properties": {"method": {"const": "post"}}},
        "then": {"required": ["address"]},
        "else": {"properties": {"address": False}},
    }


def _filled(schema: Mapping[str, Any]) -> Any:
    """The schema's own example; or of each field, but of those that only some forms show."""
    if "examples" in schema:
        return schema["examples"][0]
    fields = schema.get("properties", {}).items()
    return {
        name: _filled(field)
        for name, field in fields
        if "x-when" not in field and field.keys() & {"examples", "properties"}
    }
