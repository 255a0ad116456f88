"""Sending a payer to a gateway: where he wants, or to the first that answers; who comes again gets the same page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic_core import to_json

from chassis import once
from chassis.errors import Refusal
from chassis.identifiers import new_id
from chassis.once import Once
from chassis.postgres import Connection
from chassis.sealing import Sealer
from chassis.work import Work
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.adapters.payer import Payer, seal
from services.payments.domain.bill import Attempt, Bill
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import StartCheckout

CHECKOUT_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants to pay: the citizen, or by a `link`. `address` is his browser's, `asked` his Idempotency-Key."""

    return_url: str
    address: str
    gateway: str | None = None
    payer: Payer | None = None
    asked: Once | None = None
    by: Literal["citizen", "link"] = "citizen"


@dataclass(frozen=True, slots=True)
class Begun:
    """The bill after it, and the page that he is sent to; `already`: it had been begun by another request."""

    bill: Bill
    page: Attempt | None
    already: bool


class _SameKey(Exception):
    """A request with this key committed meanwhile."""


class Cashier:
    """Starts checkouts. `sealer` seals payers; without one no gateway that asks for them is offered."""

    def __init__(self, gateways: Gateways, sealer: Sealer | None) -> None:
        self.gateways, self._sealer = gateways, sealer

    async def begin(self, work: Work, bill: Bill, wish: Wish) -> Begun:
        """Lead to a page.

        Raises Refusal where the bill cannot be paid now, somebody else's page stands, or no gateway makes a page (503).
        """
        first = await work.first_answer(wish.asked) if wish.asked else None
        if first is not None and (begun := _of(await _fresh(work, bill), UUID(first["attempt_id"]))) is not None:
            _require_own(begun.page, wish)
            return begun
        names = self.gateways.choose(wish.gateway, has_payer=wish.payer is not None)
        is_known = first is not None
        for name in names:
            start = self._start(bill, name, wish)
            beside = None if wish.asked is None else _remembering(wish.asked, start.attempt_id, is_known)
            try:
                after: Bill = await work.send(store.bills.aggregate, bill.key, start, CHECKOUT_SECONDS, beside)
            except _SameKey:
                return await self.begin(work, bill, wish)
            is_known = True
            if after.state != "open":
                page = after.attempt
                _require_own(page, wish)
                return Begun(after, page, page is not None and page.attempt_id != start.attempt_id)
        raise Refusal(
            "gateway_refuses",
            "Cổng thanh toán chưa mở được trang nộp phí. Hãy chọn cách nộp khác hoặc thử lại sau ít phút.",
            "The gateway does not open a page to pay on. Choose another way, or try again in a few minutes.",
            503,
        )

    def _start(self, bill: Bill, name: str, wish: Wish) -> StartCheckout:
        asks = manner_of(name).asks_payer
        if asks and bill.state == "open" and (wish.payer is None or self._sealer is None):
            raise Refusal(
                "payer_needed",
                "Cổng này in biên lai của riêng mình: hãy cho biết họ tên, số định danh và địa chỉ của người nộp tiền.",
                "This gateway prints receipts of its own: tell the payer's name, citizen ID and address.",
                422,
                tuple(
                    {"path": f"payer.{field}", "code": "missing", "vi": "Hãy điền mục này.", "en": "Fill this in."}
                    for field in ("name", "paper", "address")
                ),
            )
        return StartCheckout(
            attempt_id=new_id(),
            return_url=wish.return_url,
            gateway=name,
            payer_address=wish.address,
            payer=seal(wish.payer, self._sealer) if asks and wish.payer and self._sealer else None,
            by=wish.by,
        )


def _require_own(page: Attempt | None, wish: Wish) -> None:
    """Raises Refusal 409 for a page that somebody else began: it may show what he typed. A QR picture shows nobody."""
    if page is not None and page.by != wish.by and page.url:
        raise Refusal(
            "page_of_another",
            "Một người khác đang mở trang thanh toán của khoản phí này. Nếu bạn muốn nộp, hãy bấm “Chọn cách nộp khác” "
            "để đóng trang đó trước.",
            "Somebody else has a page of this bill open. To pay it yourself, close that page first: pay in another way.",
        )


async def _fresh(work: Work, bill: Bill) -> Bill:
    return await store.bills.find(work.pool, bill.bill_id) or bill


def _of(bill: Bill, attempt_id: UUID) -> Begun | None:
    """What was begun with a key before; None where nothing came of it and it can be begun anew."""
    page = bill.attempt_of(attempt_id)
    if page is not None and (page.session_id is not None or bill.state != "open"):
        return Begun(bill, page, already=False)
    return None if bill.state == "open" else Begun(bill, bill.attempt, already=True)


def _remembering(asked: Once, attempt_id: UUID, is_known: bool) -> Callable[[Connection], Awaitable[None]]:
    """Keep, in the transaction that begins an attempt, that this key began it."""

    async def beside(connection: Connection) -> None:
        if not await once.enter(connection, [asked]) and not is_known:
            raise _SameKey
        await once.answer(connection, [(asked, to_json({"attempt_id": attempt_id}).decode())])

    return beside
