"""What goes with a form: documents uploaded or brought to the desk, and how the result is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.intake.domain.paths import met
from services.intake.domain.problem import Problems
from services.intake.domain.procedure import Paper, Procedure
from services.intake.domain.schema import tell


def check(procedure: Procedure, form: Mapping[str, Any], wrong: Problems) -> None:
    """Adds to `wrong` what the schema cannot say: which papers this form needs, and that no file serves twice."""
    uploaded, brought = form.get("documents", {}), form.get("at_desk", [])
    if not isinstance(uploaded, Mapping) or not isinstance(brought, list):
        return
    for paper in procedure.documents:
        path = f"documents.{paper.key}"
        if paper.when is not None and not met(paper.when, form):
            if paper.key in uploaded:
                tell("hidden", path, wrong)
            if paper.key in brought:
                tell("hidden", f"at_desk.{brought.index(paper.key)}", wrong)
        elif paper.required and paper.key not in uploaded and paper.key not in brought:
            wrong.add(path, "required", *_lacking(paper))
    _once_each(uploaded, wrong)


def _lacking(paper: Paper) -> tuple[str, str]:
    if paper.at_desk:
        return (
            f"Thiếu “{paper.name}”: hãy tải lên, hoặc chọn nộp tại quầy.",
            "This document is missing: upload it, or say that it is brought to the desk.",
        )
    return f"Thiếu “{paper.name}”: hãy tải lên.", "This document is missing: upload it."


def _once_each(uploaded: Mapping[str, Any], wrong: Problems) -> None:
    """Ids are compared as they are kept, in small letters."""
    seen: dict[str, str] = {}
    for key, ids in uploaded.items():
        for document_id in ids if isinstance(ids, list) else ():
            if isinstance(document_id, str) and seen.setdefault(document_id.lower(), key) != key:
                wrong.add(
                    f"documents.{key}", "twice", "Một tệp chỉ dùng cho một loại giấy tờ; hãy tải tệp khác lên.",
                    "A file serves for one kind of document; upload another one.",
                )  # fmt: skip
