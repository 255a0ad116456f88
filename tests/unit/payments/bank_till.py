"""The VietQR adapter at a bank without a network."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from chassis.identifiers import new_id
from deploy.sandbox.bank.main import application
from services.payments.adapters import vietqr
from services.payments.adapters.vietqr import VietQr
from services.payments.domain.answers import Captured, CheckoutCreated, Truth
from services.payments.domain.codes import payment_code
from services.payments.domain.questions import AskCheckout, AskRefund, CreateCheckout, Refund
from services.payments.domain.tidings import Movement, Ring, Tiding
from services.payments.domain.vietqr import decode
from tests.records import CODE
from tests.unit.payments.till import CALLING
from tests.unit.sandbox.bank_client import ACCOUNT, BIN, KEY, SECRET, Bank, bank_in


@dataclass
class Till:
    """The adapter, and the bank that it speaks to."""

    bank: Bank
    port: VietQr

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.bank.clock.now, UTC)

    def request(self, **changes: Any) -> CreateCheckout:
        bill = new_id()
        request = CreateCheckout(
            gateway="vietqr",
            attempt_id=new_id(),
            bill_id=bill,
            dossier_code=CODE,
            amount=135_000,
            description="Lệ phí",
            began=self.now,
            closes_at=self.now + timedelta(minutes=60),
            return_url="http://portal/ho-so",
            payment_code=payment_code(bill),
        )
        return request.model_copy(update=changes)

    async def page(self, **changes: Any) -> CheckoutCreated:
        answer = await self.port.create_checkout(self.request(**changes), CALLING)
        assert isinstance(answer, CheckoutCreated)
        return answer

    async def pays(self, page: CheckoutCreated, **changes: str) -> dict[str, Any]:
        """The line that the transfer of what the picture says becomes."""
        scanned = decode(page.picture_text or "")
        typed = {"amount": str(scanned.amount), "purpose": str(scanned.purpose), **changes}
        return await self.bank.transferred(**typed)

    async def truth(self, page: CheckoutCreated) -> Truth:
        request = AskCheckout(gateway="vietqr", attempt_id=page.attempt_id, session_id=page.session_id)
        return await self.port.ask_checkout(request, CALLING)

    async def paid(self) -> Captured:
        page = await self.page()
        await self.pays(page)
        truth = await self.truth(page)
        assert isinstance(truth, Captured)
        return truth

    def refund(self, money: Captured, amount: int = 35_000, **changes: Any) -> Refund:
        request = Refund(
            gateway="vietqr",
            refund_id=new_id(),
            bill_id=new_id(),
            dossier_code=CODE,
            reference=money.reference,
            amount=amount,
            reason="requested",
            captured_amount=money.amount,
            paid_at=money.paid_at,
        )
        return request.model_copy(update=changes)

    def told(self, kind: str = "") -> list[Tiding]:
        """What the bank's notices say to us."""
        rings = [
            Ring(each["event"], each["type"], json.dumps(each["body"]).encode()) for each in self.bank.notices(kind)
        ]
        return [tiding for ring in rings for tiding in self.port.tell(ring)]

    async def movements(self) -> list[Movement]:
        """The whole statement."""
        since, until = self.now - timedelta(days=365), self.now + timedelta(days=1)
        return [each async for page in self.port.movements(since, until, ()) for each in page]


def asked_again(refund: Refund) -> AskRefund:
    return AskRefund(gateway="vietqr", refund_id=refund.refund_id, reference="")


def port_over(transport: httpx.AsyncBaseTransport, page_lines: int = 1000) -> VietQr:
    return VietQr(vietqr.client("http://bank", KEY, transport), [SECRET], BIN, ACCOUNT, page_lines)


@contextlib.asynccontextmanager
async def bank_till_in(folder: Path, page_lines: int = 1000) -> AsyncIterator[Till]:
    async with bank_in(folder) as bank:
        yield Till(bank, port_over(httpx.ASGITransport(application(bank.office)), page_lines))
