"""Whoever answers for the money, over HTTP: find bills, ask a gateway again or no more, settle a discrepancy, read the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from chassis.access import Caller
from chassis.answering import To
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, OnceOf, PerhapsOnceOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from chassis.postgres import Connection
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.api.asking import ask_now
from services.payments.api.common import WAIT_SECONDS, Day, Moment, Name, Text, begin_of, shown
from services.payments.domain.bill import Bill, BillState
from services.payments.domain.messages import AbandonPage, Settle, TakeOver
from services.payments.store.search import Place, Wanted
from services.payments.views import BillView, FullBillView

Limit = Annotated[int, Query(ge=1, le=200)]
LARGEST = 10**12


class BillPage(BaseModel):
    """A page of bills, the newest first; ask for the next one with `cursor` and everything else as it was."""

    items: list[FullBillView]
    cursor: UUID | None = None


class Entry(BaseModel):
    """A line of a ledger transaction, in đồng; either debit or credit is 0."""

    transaction_id: UUID
    line: int
    dossier_code: str | None
    bill_id: UUID | None
    account: str
    debit: int
    credit: int
    reason: str
    reference: str | None
    posted_at: datetime


class LedgerPage(BaseModel):
    """A page of the ledger in the order of posting; ask for the next one with `cursor` and everything else as it was."""

    items: list[Entry]
    cursor: str | None = None


class AskBody(BaseModel):
    """Which page to ask about; the running one where none is named."""

    model_config = ConfigDict(extra="forbid")

    attempt_id: UUID | None = None


class SettleBody(BaseModel):
    """What becomes of money that does not fit: returned, or accepted for the fees where it is enough."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["return", "accept"]
    reason: Text


def of_operators(gateways: Gateways) -> APIRouter:
    """Search is for officers, too: they find their agency's bills."""
    routes = APIRouter(tags=["operators"])

    @routes.get("/payments", response_model=BillPage)
    async def search(
        caller: CallerOf,
        work: WorkOf,
        dossier_code: Name | None = None,
        payment_code: Name | None = None,
        reference: Annotated[Name | None, Query(description="the gateway's, of a payment or a refund")] = None,
        receipt: Annotated[Name | None, Query(description="a receipt's number", examples=["2026/00000017"])] = None,
        attempt_id: UUID | None = None,
        state: BillState | None = None,
        amount: Annotated[int | None, Query(ge=0, le=LARGEST, description="with day: money that moved then")] = None,
        day: Annotated[Day | None, Query(description="a day in Vietnam on which money moved")] = None,
        agency: Name | None = None,
        cursor: UUID | None = None,
        limit: Limit = 50,
    ) -> BillPage:
        """Bills by what one has in hand; all that is given must fit."""
        wanted = Wanted(
            agency=_agency(allowed(caller, "officer", "operator"), agency),
            dossier_code=dossier_code,
            payment_code=payment_code.upper() if payment_code else None,
            reference=reference,
            receipt=receipt,
            attempt_id=attempt_id,
            state=state,
            amount=amount,
            day=begin_of(day) if day else None,
        )
        found = await store.search.bills(work.pool, wanted, cursor, limit + 1)
        more = len(found) > limit
        items = [FullBillView.of(bill) for bill in found[:limit]]
        return BillPage(items=items, cursor=items[-1].bill.bill_id if more else None)

    @routes.post("/payments/{bill_id}/ask", response_model=FullBillView)
    async def ask(
        bill_id: UUID, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf, body: AskBody | None = None
    ) -> Any:
        """Ask the gateway now, about a page and about refunds; the bill after its answer, or as it is by then.

        A question moves nothing that its answer would not move once: no Idempotency-Key is needed. 409
        `gateway_switched_off` where the gateway is not configured (any more).
        """
        bill = await shown(work, bill_id, allowed(caller, "operator"))

        async def nudged() -> FullBillView:
            attempt_id = body.attempt_id if body else None
            return FullBillView.of(await ask_now(work, gateways, bill, WAIT_SECONDS, attempt_id))

        return await work.remembered(once, nudged)

    @routes.post("/payments/{bill_id}/settle", response_model=BillView)
    async def settle(bill_id: UUID, body: SettleBody, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Settle a discrepancy: the money goes back, or is taken for the fees."""
        bill = await shown(work, bill_id, allowed(caller, "operator"))
        told = Settle(action=body.action, by=caller.subject, reason=body.reason)

        async def prepare(_: Connection) -> Sequence[To]:
            return [To(store.bills.aggregate, bill.key, told)]

        def respond(states: Sequence[Any]) -> BillView:
            after: Bill = states[0]
            return BillView.of(after)

        return await work.send_once(once, prepare, respond)

    @routes.post("/payments/{bill_id}/abandon-page", response_model=FullBillView)
    async def abandon_page(bill_id: UUID, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """A gateway does not say, three days after its page's time, what became of it: give the page up, the bill goes on.

        Whether anything waits for it to be closed or not. 409 `not_silent_yet`. Money that is paid on it all the same pays
        a bill that waits for it, or goes back by itself.
        """
        bill = await shown(work, bill_id, allowed(caller, "operator"))

        async def prepare(connection: Connection) -> Sequence[To]:
            page = bill.attempt
            calls = await store.bills.calls_of_page(connection, bill.key, page.attempt_id) if page else ()
            return [To(store.bills.aggregate, bill.key, AbandonPage(by=caller.subject, calls=calls))]

        return await work.send_once(once, prepare, lambda states: FullBillView.of(states[0]))

    @routes.post("/payments/{bill_id}/refunds/{refund_id}/take-over", response_model=BillView)
    async def take_over(bill_id: UUID, refund_id: UUID, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """A gateway has been silent about a refund for three days: ask it no more, an officer pays out by hand.

        409 `not_silent_yet`. What it sends all the same is found on its statement.
        """
        bill = await shown(work, bill_id, allowed(caller, "operator"))

        async def prepare(_: Connection) -> Sequence[To]:
            return [To(store.bills.aggregate, bill.key, TakeOver(refund_id=refund_id, by=caller.subject))]

        return await work.send_once(once, prepare, lambda states: BillView.of(states[0] or bill))

    @routes.get("/ledger/{code}")
    async def balances(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[dict[str, Any]]:
        """A dossier's balance on each account, in đồng, debit less credit; they add up to 0."""
        allowed(caller, "operator")
        return await store.ledger.balances(work.pool, code)

    @routes.get("/ledger", response_model=LedgerPage)
    async def entries(
        caller: CallerOf,
        work: WorkOf,
        since: Moment,
        until: Moment,
        dossier_code: Name | None = None,
        account: Annotated[Name | None, Query(examples=["gateway:stripe", "suspense"])] = None,
        cursor: str | None = None,
        limit: Limit = 100,
    ) -> LedgerPage:
        """The ledger's entries of [since, until), of a dossier, of an account, or all. 422 where `since` is after `until`."""
        allowed(caller, "operator")
        if since > until:
            raise Refusal(
                "bad_period",
                "Lúc bắt đầu (since) không được sau lúc kết thúc (until).",
                "A period does not begin (since) after it ends (until).",
                422,
            )
        found = await store.search.entries(work.pool, dossier_code, account, since, until, _behind(cursor), limit + 1)
        items = [Entry.model_validate(row) for row in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return LedgerPage(
            items=items, cursor=cursor_of(last.posted_at, f"{last.transaction_id} {last.line}") if last else None
        )

    return routes


def _agency(caller: Caller, asked: str | None) -> str | None:
    """Officers find what is their agency's, whatever they ask for."""
    return asked if caller.role == "operator" else caller.agency or ""


def _behind(cursor: str | None) -> Place | None:
    """Raises Refusal 400 for a cursor that is none of ours."""
    position = position_of(cursor)
    if position is None:
        return None
    transaction_id, _, line = position[1].partition(" ")
    try:
        return Place(position[0], UUID(transaction_id), int(line[:5]))
    except ValueError:
        raise Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400) from None
