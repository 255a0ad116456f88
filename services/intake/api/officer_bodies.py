"""What officers type with their decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.money import Dong
from services.intake.api.common import Text


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Grounds(Body):
    """Why a dossier is not taken in."""

    grounds: Annotated[Text, Field(min_length=10, max_length=2000, examples=["Giấy phép lái xe không thuộc tỉnh cấp."])]


class Reason(Body):
    """Why."""

    reason: Annotated[Text, Field(min_length=10, max_length=2000)]


class Note(Body):
    """What the next one should know."""

    note: Annotated[Text, Field(max_length=2000)] = ""


class Officer(Body):
    """Who has it from now on."""

    officer: Annotated[Text, Field(min_length=1, max_length=200)]


class Mark(Body):
    """One thing that is wrong: the path of a field or `documents.PLACE`, and why."""

    path: Annotated[Text, Field(min_length=1, max_length=200)]
    reason: Annotated[Text, Field(min_length=3, max_length=1000)]


class Marks(Body):
    """Everything that is wrong or missing; there is no second time."""

    items: Annotated[list[Mark], Field(min_length=1, max_length=100)]


class LaterFee(Body):
    """A fee of the procedure that came up later, in whole đồng, and why it is so much."""

    code: Annotated[Text, Field(min_length=1, max_length=100)]
    amount: Annotated[Dong, Field(gt=0)]
    reason: Annotated[Text, Field(min_length=3, max_length=500)]


class LaterFees(Body):
    """Fees that came up later."""

    fees: Annotated[list[LaterFee], Field(min_length=1, max_length=20)]


class Correction(Reason):
    """New values of fields by their dotted paths."""

    fields: Annotated[dict[str, Any], Field(min_length=1, max_length=100)]


class NewDate(Reason):
    """The date that is promised instead."""

    to: date


class Result(Body):
    """The result, with the id of its document, which was uploaded before."""

    result_number: Annotated[Text, Field(min_length=1, max_length=100, examples=["010190012345"])]
    document_id: UUID


class Posted(Body):
    """Where the result can be followed on its way."""

    carrier: Annotated[Text, Field(min_length=1, max_length=100, examples=["Bưu điện Việt Nam"])]
    tracking_number: Annotated[Text, Field(min_length=1, max_length=50, examples=["EB123456789VN"])]


class Delivered(Body):
    """How the citizen got the result."""

    delivery: Annotated[Text, Field(min_length=1, max_length=100)] = "tại quầy"
