"""The gateway port over VietQR: a picture that the payer's bank reads, and the statement of our account at our bank.

Nobody is asked for a picture, and none can be closed: who has seen it may transfer, when and as much as he likes. The
money is known by the payment code in the transfer's purpose, and named by the line of the statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import httpx

from chassis.calls import Calling
from chassis.clock import utc_now
from chassis.errors import Unanswered
from services.payments.adapters import vietqr_codes as codes
from services.payments.adapters import vietqr_notices
from services.payments.adapters.vietqr_api import (
    PAGE_LINES,
    Api,
    Lines,
    Refused,
    Returned,
    Statement,
    client,
    whole,
)
from services.payments.adapters.vietqr_lines import NAME, movements, newest_of
from services.payments.domain.answers import (
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    StillOpen,
    Truth,
)
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding
from services.payments.domain.vietqr import LARGEST_AMOUNT, Transfer, encode

__all__ = ["VietQr", "client"]


class VietQr:
    """The gateway port over a bank's API. `webhook_secrets` are several while one is being replaced.

    Raises ValueError for an account that no picture can name.
    """

    name = NAME

    def __init__(
        self,
        client: httpx.AsyncClient,
        webhook_secrets: Sequence[str],
        bank_bin: str,
        account: str,
        page_lines: int = PAGE_LINES,
    ) -> None:
        self._api = Api(client)
        self._secrets = tuple(webhook_secrets)
        self._account = Transfer(bank_bin, account)
        self._page_lines = page_lines

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        """What the picture says; the payment code names the page. No request is made."""
        if not 0 < request.amount <= LARGEST_AMOUNT or not request.payment_code:
            reason = "amount_invalid" if request.payment_code else "payment_code_missing"
            return CheckoutRefused(attempt_id=request.attempt_id, reason=reason)
        ours = self._account
        transfer = Transfer(ours.bank_bin, ours.account, request.amount, request.payment_code)
        return CheckoutCreated(
            attempt_id=request.attempt_id,
            session_id=request.payment_code,
            url="",
            picture_text=encode(transfer),
        )

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        """The newest money that came in under the page's payment code: one answer of the several that may be there.

        The others come by notice, by `lines_after` and by reconciliation; the same line is the same money everywhere.
        """
        found = await self._api.get("/v1/transactions", {"purpose": request.session_id}, Lines)
        newest = newest_of(found.lines, request.session_id, request.attempt_id)
        return newest or StillOpen(attempt_id=request.attempt_id)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        """A picture cannot be taken back. Raises Unanswered while no money stands there."""
        truth = await self.ask_checkout(request, calling)
        if isinstance(truth, StillOpen):
            raise Unanswered("a picture that was shown can be paid for ever")
        return truth

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Send money of one line back; the refund's id is the bank's key of it. Unanswered until the bank has settled it."""
        remark = f"Hoan phi ho so {request.dossier_code}".encode("ascii", "ignore").decode()[:100]
        body = {
            "reference": str(request.refund_id),
            "line": request.reference,
            "amount": str(request.amount),
            "remark": remark,
            "client_data": str(request.bill_id or ""),
        }
        answer = await self._api.post("/v1/returns", body, Returned)
        if isinstance(answer, Refused):
            if answer.error.code != codes.TAKEN_BEFORE:
                return RefundRefused(refund_id=request.refund_id, reason=codes.refusal(answer.error.code))
            answer = await self._taken_before(request)
        return _outcome(request, answer)

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        """What has become of a return: the payer's bank may send it back days later."""
        return _outcome(request, await self._api.get(f"/v1/returns/{request.refund_id}", {}, Returned))

    def hear(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Ring:
        return vietqr_notices.heard(body, headers, self._secrets, now)

    def tell(self, ring: Ring) -> Sequence[Tiding]:
        return vietqr_notices.told(ring)

    async def movements(
        self, since: datetime, until: datetime, known: Sequence[Known]
    ) -> AsyncIterator[Sequence[Movement]]:
        """The statement of [since, until), page by page, by when the bank booked each line."""
        between = {"since": since.isoformat(), "until": until.isoformat()}
        after, more = "0", True
        while more:
            page = await self._page(after, **between)
            yield movements(page.lines, since)
            after, more = page.next, page.more

    async def lines_after(self, cursor: str) -> tuple[Sequence[Movement], str]:
        """(what was written into the statement since the cursor, at most a page; the cursor behind it). From "0" on.

        A cursor is the bank's own order of writing: a line that is booked for an earlier day is not missed.
        """
        page = await self._page(cursor)
        return movements(page.lines, utc_now()), page.next

    async def _page(self, after: str, **between: str) -> Statement:
        page = await self._api.get("/v1/statement", {"after": after, "limit": self._page_lines, **between}, Statement)
        if page.more and page.next == after:
            raise Unanswered("the bank's statement does not go on")
        return page

    async def _taken_before(self, request: Refund) -> Returned:
        """The return that stands under our reference: an older release may have worded it otherwise."""
        found = await self._api.get(f"/v1/returns/{request.refund_id}", {}, Returned)
        if (found.original.id, whole(found.amount, "VND")) != (request.reference, request.amount):
            raise Unanswered("the bank knows this refund with another amount or line")
        return found


def _outcome(request: Refund | AskRefund, returned: Returned) -> RefundDone | RefundRefused:
    """A return in our words. Raises Unanswered while it is pending, UnknownCode for a status without a meaning."""
    match returned.status:
        case "done" if returned.debit_line:
            return RefundDone(refund_id=request.refund_id, reference=returned.debit_line)
        case "refused" | "returned" as status:
            return RefundRefused(refund_id=request.refund_id, reason=codes.came_to_nothing(returned.reason, status))
        case "pending" | "done":
            raise Unanswered("the bank has not settled the return yet")
    raise UnknownCode(f"a return is {returned.status[:64]}")
