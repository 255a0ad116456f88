"""Officers over HTTP: fees that go back, by line and rule; refunds paid out by hand; money taken at the counter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Caller
from chassis.answering import To
from chassis.clock import Clock
from chassis.http import CallerOf, OnceOf, WorkOf, allowed
from chassis.identifiers import derived_id, new_id
from chassis.postgres import Connection
from chassis.work import Work
from services.payments import store
from services.payments.api.common import Amount, Name, Text, shown, use_voucher
from services.payments.domain.bill import Bill
from services.payments.domain.messages import LineRefund, PayElsewhere, PayOut, RequestRefund
from services.payments.taking import PageStands, take
from services.payments.views import BillView, RefundsView, RefundView

Whole = Annotated[Amount, Field(gt=0)]


class RefundLineBody(BaseModel):
    """So much of one fee line, in đồng."""

    model_config = ConfigDict(extra="forbid")

    code: Name
    amount: Whole


class RefundBody(BaseModel):
    """What goes back: `lines`, or all that can. `available` is what the officer saw could go back, in đồng."""

    model_config = ConfigDict(extra="forbid")

    lines: tuple[RefundLineBody, ...] = Field(default=(), max_length=100)
    available: Amount
    reason: Text


class PayOutBody(BaseModel):
    """The number of the voucher with which a refund was paid out."""

    model_config = ConfigDict(extra="forbid")

    reference: Name


class CounterBody(BaseModel):
    """What was taken at the counter, and the number of its voucher (phiếu thu)."""

    model_config = ConfigDict(extra="forbid")

    amount: Whole
    voucher: Name


class RefundsOrdered(BaseModel):
    """The refunds that were ordered: one for each payment that money goes back of."""

    bill_id: UUID
    refunds: tuple[RefundView, ...]


def of_officers(clock: Clock) -> APIRouter:
    """For the officers of a bill's agency; to all others it looks like none."""
    routes = APIRouter(tags=["officers"], prefix="/payments/{bill_id}")

    @routes.get("/refunds", response_model=RefundsView)
    async def refunds(bill_id: UUID, caller: CallerOf, work: WorkOf) -> RefundsView:
        """What went back, and what still can: of each line how much, and why not."""
        bill = await shown(work, bill_id, allowed(caller, "officer", "operator"))
        return RefundsView.of(bill, await store.facts.reached_of(work.pool, bill.dossier_code))

    @routes.post("/refunds", status_code=201, response_model=RefundsOrdered)
    async def refund(bill_id: UUID, body: RefundBody, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Send fees back. 409 `available_differs` names what can go back, when that is another amount by now."""
        bill = await _of_my_agency(work, bill_id, caller)
        refund_id = new_id()

        async def prepare(connection: Connection) -> Sequence[To]:
            order = RequestRefund(
                refund_id=refund_id,
                lines=tuple(LineRefund(code=line.code, amount=line.amount) for line in body.lines),
                available=body.available,
                reason=body.reason,
                by=caller.subject,
                reached=await store.facts.reached_of(connection, bill.dossier_code),
            )
            return [To(store.bills.aggregate, bill.key, order)]

        def respond(states: Sequence[Any]) -> Any:
            after: Bill = states[0]
            parts = {derived_id(refund_id, f"capture {number}") for number in range(1, len(after.captures))}
            new = (each for each in after.refunds if each.refund_id in {refund_id, *parts})
            return RefundsOrdered(bill_id=bill_id, refunds=tuple(RefundView.of(each) for each in new))

        return await work.send_once(once, prepare, respond)

    @routes.post("/refunds/{refund_id}/pay-out", response_model=BillView)
    async def pay_out(
        bill_id: UUID, refund_id: UUID, body: PayOutBody, caller: CallerOf, once: OnceOf, work: WorkOf
    ) -> Any:
        """Record that a refund was paid out by hand: by another officer than the one who ordered it, or took the money.

        409 `voucher_used`: one voucher is one money.
        """
        bill = await _of_my_agency(work, bill_id, caller)

        async def prepare(connection: Connection) -> Sequence[To]:
            await use_voucher(connection, bill.agency, body.reference, refund_id, bill_id)
            paid = PayOut(refund_id=refund_id, reference=body.reference, by=caller.subject)
            return [To(store.bills.aggregate, bill.key, paid)]

        return await work.send_once(once, prepare, lambda states: BillView.of(states[0] or bill))

    @routes.post("/counter", response_model=BillView, responses={202: {"model": BillView}})
    async def counter(bill_id: UUID, body: CounterBody, caller: CallerOf, once: OnceOf, work: WorkOf) -> Response:
        """Record money that was taken at the counter; 202: a page is being closed, send the same again with its key.

        409 `voucher_used`: one voucher is one money, and pays one bill.
        """
        bill = await _of_my_agency(work, bill_id, caller)
        money = PayElsewhere(
            capture_id=derived_id(bill.bill_id, f"counter {caller.agency} {body.voucher}"),
            gateway="counter",
            amount=body.amount,
            reference=f"{caller.agency} {body.voucher}",
            paid_at=clock(),
            by=caller.subject,
        )

        async def prepare(connection: Connection) -> Sequence[To]:
            await use_voucher(connection, bill.agency, body.voucher, money.capture_id, bill_id)
            return [To(store.bills.aggregate, bill.key, money)]

        try:
            return JSONResponse(await take(work, bill.key, once, prepare, lambda paid: BillView.of(paid)))
        except PageStands:
            now = BillView.of(await shown(work, bill_id, caller))
            return JSONResponse(now.model_dump(mode="json"), 202, {"Retry-After": "5"})

    return routes


async def _of_my_agency(work: Work, bill_id: UUID, caller: Caller) -> Bill:
    """A bill of the officer's agency. Raises Refusal 403 for who is no officer, NotFound for another agency's bill."""
    return await shown(work, bill_id, allowed(caller, "officer"))
