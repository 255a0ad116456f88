"""Differences over HTTP, for operators: see what no rule explains, and settle it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from chassis.answering import To
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, OnceOf, PerhapsOnceOf, WorkOf, allowed
from chassis.identifiers import new_id
from chassis.postgres import Connection
from services.payments import store
from services.payments.api.common import Name, Text, use_voucher
from services.payments.domain.difference import (
    Assign,
    Difference,
    DifferenceState,
    Explain,
    PayOutByHand,
    Return,
    TakeOver,
)
from services.payments.domain.explaining import captured_of


class DifferenceView(BaseModel):
    """A difference. `apart`: đồng of it that stand in suspense."""

    difference_id: UUID
    gateway: str
    kind: str
    reference: str
    state: str
    expected: int
    found: int
    currency: str
    at: datetime
    found_at: datetime
    dossier_code: str | None
    bill_id: UUID | None
    apart: int
    refund_id: UUID | None
    refund_reference: str | None
    bill_assigned: UUID | None
    reason: str | None
    by: str | None
    paid_out_by: str | None

    @classmethod
    def of(cls, difference: Difference) -> DifferenceView:
        return cls(**difference.model_dump(include=set(cls.model_fields)))


class Explanation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Text


class Assignment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bill_id: UUID
    reason: Text


class Returning(BaseModel):
    """`by_hand`: not by the gateway; somebody else pays it out."""

    model_config = ConfigDict(extra="forbid")

    reason: Text
    by_hand: bool = False


class PaidOut(BaseModel):
    """The number of the voucher with which the money was paid out."""

    model_config = ConfigDict(extra="forbid")

    voucher: Name


def of_operators() -> APIRouter:
    """What whoever answers for the money settles."""
    routes = APIRouter(tags=["reconciliation"])

    @routes.get("/differences", response_model=list[DifferenceView])
    async def differences(
        caller: CallerOf,
        work: WorkOf,
        state: DifferenceState | Literal["all"] = "open",
        gateway: Annotated[str | None, Query(max_length=32, pattern="^[a-z]+$")] = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[DifferenceView]:
        """The newest first; the next page is after the last one's id."""
        allowed(caller, "operator")
        asked = None if state == "all" else state
        return [
            DifferenceView.of(each) for each in await store.differences.listed(work.pool, asked, gateway, after, limit)
        ]

    @routes.post("/differences/{difference_id}/explain", response_model=DifferenceView)
    async def explain(
        difference_id: UUID, said: Explanation, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf
    ) -> Any:
        """Giải thích: it counts as explained from now on, with the reason.

        Said again it is what it was, or has a better reason: no Idempotency-Key is needed.
        """
        operator = allowed(caller, "operator")
        difference = await _found(work.pool, difference_id)
        message = Explain(reason=said.reason, by=operator.subject)
        if once is None:
            return DifferenceView.of(await work.send(store.differences.aggregate, difference.key, message))

        async def prepare(_: Connection) -> list[To]:
            return [To(store.differences.aggregate, difference.key, message)]

        return await work.send_once(once, prepare, lambda states: _shown(states[0] or difference))

    @routes.post("/differences/{difference_id}/assign", response_model=DifferenceView)
    async def assign(difference_id: UUID, said: Assignment, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Gán cho một khoản phí: the bill takes the money as if its payer had named it."""
        operator = allowed(caller, "operator")

        async def prepare(connection: Connection) -> list[To]:
            difference = await _found(connection, difference_id)
            await store.differences.aggregate.load_many(connection, [difference.key])
            bill = await store.bills.find(connection, said.bill_id)
            if bill is None:
                raise NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")
            if difference.money_id in bill.taken or await store.statements.has_it(
                connection, difference.gateway, difference.reference
            ):
                raise Refusal(
                    "taken_already",
                    "Một khoản phí đã nhận số tiền này; lần đối soát sau sẽ khớp.",
                    "A bill has taken this money meanwhile; the next reconciliation will find that.",
                )
            message = Assign(bill_id=bill.bill_id, reason=said.reason, by=operator.subject)
            return [
                To(store.differences.aggregate, difference.key, message),
                To(store.bills.aggregate, bill.key, captured_of(difference)),
            ]

        return await work.send_once(once, prepare, lambda states: _shown(states[0]))

    @routes.post("/differences/{difference_id}/return", response_model=DifferenceView)
    async def send_back(difference_id: UUID, said: Returning, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Trả lại người nộp: by the gateway, or by hand where that cannot; then another operator pays it out."""
        operator = allowed(caller, "operator")

        async def prepare(connection: Connection) -> list[To]:
            difference = await _found(connection, difference_id)
            by = operator.subject
            message = Return(refund_id=new_id(), reason=said.reason, by=by, by_hand=said.by_hand)
            return [To(store.differences.aggregate, difference.key, message)]

        return await work.send_once(once, prepare, lambda states: _shown(states[0]))

    @routes.post("/differences/{difference_id}/take-over", response_model=DifferenceView)
    async def take_over(difference_id: UUID, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Chuyển sang chi trả tại quầy: the gateway has been silent for three days; it is asked no more.

        409 `not_silent_yet`. What it sends all the same is found on its statement.
        """
        operator = allowed(caller, "operator")
        difference = await _found(work.pool, difference_id)

        async def prepare(_: Connection) -> list[To]:
            return [To(store.differences.aggregate, difference.key, TakeOver(by=operator.subject))]

        return await work.send_once(once, prepare, lambda states: _shown(states[0] or difference))

    @routes.post("/differences/{difference_id}/pay-out", response_model=DifferenceView)
    async def pay_out(difference_id: UUID, said: PaidOut, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Ghi nhận đã chi trả: by another operator than the one who ordered it."""
        operator = allowed(caller, "operator")

        difference = await _found(work.pool, difference_id)

        async def prepare(connection: Connection) -> list[To]:
            await use_voucher(connection, "operators", said.voucher, difference.refund_id or difference_id, None)
            message = PayOutByHand(voucher=said.voucher, by=operator.subject)
            return [To(store.differences.aggregate, difference.key, message)]

        return await work.send_once(once, prepare, lambda states: _shown(states[0] or difference))

    return routes


def _shown(difference: Difference) -> dict[str, Any]:
    return DifferenceView.of(difference).model_dump(mode="json")


async def _found(pool: Any, difference_id: UUID) -> Difference:
    difference = await store.differences.find(pool, difference_id)
    if difference is None:
        raise NotFound("Không tìm thấy chênh lệch này.", "There is no such difference.")
    return difference
