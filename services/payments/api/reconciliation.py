"""Reconciliation over HTTP, for operators: have it done, see what differs, and settle what no rule can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from chassis.answering import To
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, OnceOf, WorkOf, allowed
from chassis.identifiers import new_id
from chassis.postgres import Connection
from services.payments import store
from services.payments.api.common import WAIT_SECONDS, Day, Name, Text, use_voucher
from services.payments.domain.difference import (
    Assign,
    Difference,
    DifferenceState,
    Explain,
    PayOutByHand,
    Return,
)
from services.payments.domain.explaining import captured_of
from services.payments.reconciling_work import Reconciler

_LOOK_SECONDS = 0.2


class Asked(BaseModel):
    """What to reconcile: one gateway, or "dossiers"; a day in Vietnam. Without these: all, and the last three days."""

    model_config = ConfigDict(extra="forbid")

    gateway: str | None = None
    day: Day | None = None


class RunView(BaseModel):
    """One run. `lines` of the statement so far; `report` once it is done, or `error` why it is not (yet)."""

    run_id: UUID
    gateway: str
    day: date | None
    since: datetime
    until: datetime
    asked_by: str
    asked_at: datetime
    tries: int
    lines: int
    finished_at: datetime | None
    error: str | None
    report: dict[str, Any] | None


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


def of_operators(reconciler: Reconciler) -> APIRouter:
    """What whoever answers for the money does."""
    routes = APIRouter(tags=["reconciliation"])

    @routes.post("/reconciliations", response_model=list[RunView])
    async def reconcile(asked: Asked, caller: CallerOf, work: WorkOf, response: Response) -> list[RunView]:
        """Reconcile now. 200 with the reports; 202 while it goes on: then look at /reconciliations?run_id=…

        Looking twice finds, heals and raises the same once: a repetition needs no Idempotency-Key.
        """
        operator = allowed(caller, "operator")
        if asked.gateway is not None and asked.gateway not in reconciler.sides:
            known = ", ".join(reconciler.sides)
            raise Refusal("unknown_gateway", f"Chỉ có: {known}.", f"There are only: {known}.", 422)
        names = [asked.gateway] if asked.gateway else reconciler.sides
        runs = reconciler.runs(names, operator.subject, asked.day)
        await store.differences.ask(work.pool, runs)
        ids, deadline = [run.run_id for run in runs], time.monotonic() + WAIT_SECONDS
        while (found := await _runs(work, ids)) and any(run.finished_at is None for run in found):
            if time.monotonic() > deadline:
                response.status_code, response.headers["Retry-After"] = 202, "2"
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return found

    @routes.get("/reconciliations", response_model=list[RunView])
    async def runs(
        caller: CallerOf, work: WorkOf, run_id: Annotated[list[UUID] | None, Query(max_length=50)] = None
    ) -> list[RunView]:
        """These runs, or the latest fifty."""
        allowed(caller, "operator")
        return await _runs(work, run_id)

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
    async def explain(difference_id: UUID, said: Explanation, caller: CallerOf, work: WorkOf) -> DifferenceView:
        """Giải thích: it counts as explained from now on, with the reason.

        Said again it is what it was, or has a better reason: no Idempotency-Key is needed.
        """
        operator = allowed(caller, "operator")
        difference = await _found(work.pool, difference_id)
        message = Explain(reason=said.reason, by=operator.subject)
        return DifferenceView.of(await work.send(store.differences.aggregate, difference.key, message))

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

        return await work.send_once(once, prepare, lambda states: DifferenceView.of(states[0]).model_dump(mode="json"))

    @routes.post("/differences/{difference_id}/return", response_model=DifferenceView)
    async def send_back(difference_id: UUID, said: Returning, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Trả lại người nộp: by the gateway, or by hand where that cannot; then another operator pays it out."""
        operator = allowed(caller, "operator")

        async def prepare(connection: Connection) -> list[To]:
            difference = await _found(connection, difference_id)
            by = operator.subject
            message = Return(refund_id=new_id(), reason=said.reason, by=by, by_hand=said.by_hand)
            return [To(store.differences.aggregate, difference.key, message)]

        return await work.send_once(once, prepare, lambda states: DifferenceView.of(states[0]).model_dump(mode="json"))

    @routes.post("/differences/{difference_id}/pay-out", response_model=DifferenceView)
    async def pay_out(difference_id: UUID, said: PaidOut, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Ghi nhận đã chi trả: by another operator than the one who ordered it."""
        operator = allowed(caller, "operator")

        difference = await _found(work.pool, difference_id)

        async def prepare(connection: Connection) -> list[To]:
            await use_voucher(connection, "operators", said.voucher, difference.refund_id or difference_id, None)
            message = PayOutByHand(voucher=said.voucher, by=operator.subject)
            return [To(store.differences.aggregate, difference.key, message)]

        def respond(states: Sequence[Any]) -> Any:
            return DifferenceView.of(states[0] or difference).model_dump(mode="json")

        return await work.send_once(once, prepare, respond)

    return routes


async def _runs(work: WorkOf, ids: list[UUID] | None) -> list[RunView]:
    return [RunView(**each) for each in await store.differences.runs(work.pool, ids, 50)]


async def _found(pool: Any, difference_id: UUID) -> Difference:
    difference = await store.differences.find(pool, difference_id)
    if difference is None:
        raise NotFound("Không tìm thấy chênh lệch này.", "There is no such difference.")
    return difference
