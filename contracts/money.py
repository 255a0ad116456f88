"""Money on the wire: whole đồng, with the currency said."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.event import Part

MOST_DONG = 10**12
Dong = Annotated[int, Field(ge=0, le=MOST_DONG, description="Số tiền, đồng nguyên / whole đồng")]
Currency = Literal["VND"]


class FeeLine(Part):
    """One fee of a procedure, assessed for one dossier.

    `kind` is phí (a service's price) or lệ phí (a state charge): Luật Phí và lệ phí 97/2015/QH13, art. 3.
    `refundable` says whether this line's own circular lets it be returned when the dossier goes no further, and
    `refund_until` how far it may have come by then; None sets no bound.
    `rule_vi` and `quantity` say how the amount came about, `reason` why it is lower than the rule's, down to nothing.
    """

    code: str = Field(description="Mã dòng phí trong danh mục", examples=["gplx-doi"])
    kind: Literal["phí", "lệ phí"]
    name: str = Field(examples=["Lệ phí cấp đổi giấy phép lái xe"])
    amount: Dong
    currency: Currency = "VND"
    legal_basis: str = Field(examples=["Thông tư 37/2023/TT-BTC"])
    beneficiary: str = Field(description="Tài khoản kho bạc thụ hưởng", examples=["3511.0.1054321"])
    refundable: bool = False
    refund_until: Literal["acceptance", "result"] | None = None
    quantity: int | None = Field(default=None, ge=0, description="Số bản, số trang tính phí, khi tính theo số lượng")
    rule_vi: str | None = Field(default=None, description="Cách tính", examples=["8.000 đồng một bản"])
    reason: str | None = Field(default=None, description="Lý do miễn, giảm", examples=["Sinh viên"])


def total(lines: tuple[FeeLine, ...]) -> int:
    """The sum of fee lines in đồng."""
    return sum(line.amount for line in lines)
