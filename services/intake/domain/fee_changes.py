"""What a correction does to the fees: they stay what the dossier was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from chassis.errors import Refusal
from contracts.money import total
from services.intake.domain import fees
from services.intake.domain.dossier import Dossier
from services.intake.domain.procedure import Procedure


def check(procedure: Procedure, dossier: Dossier, form: Mapping[str, Any], day: date) -> None:
    """Whether the corrected form costs what the dossier was asked for, assessed as it was filed on `day`.

    A correction on which no fee depends passes, whatever fees came up later. Raises Refusal 409 with both amounts.
    """
    online = dossier.filed_by is None
    asked = total(dossier.fee_lines)
    before, after = (total(fees.assess(procedure, each, online, day)) for each in (dossier.form, form))
    if after in (before, asked):
        return
    vi, en = (
        f"Phí theo nội dung sửa là {_dong(after)}, hồ sơ đã được yêu cầu {_dong(asked)}.",
        (f"The corrected form costs {_dong(after)}, the dossier was asked for {_dong(asked)}."),
    )
    if after > asked:
        raise Refusal(
            "fees_would_change",
            f"{vi} Hãy yêu cầu nộp phần chênh lệch {_dong(after - asked)} (request-fees) trước, rồi sửa.",
            f"{en} Ask for the difference of {_dong(after - asked)} with request-fees first, then correct.",
        )
    raise Refusal(
        "fees_would_change",
        f"{vi} Phí đã yêu cầu không giảm được bằng cách sửa; người nộp có thể rút hồ sơ và nộp lại.",
        f"{en} A correction cannot lower the fees; the citizen may withdraw the dossier and file it anew.",
    )


def _dong(amount: int) -> str:
    return f"{amount:,} đồng".replace(",", ".")
