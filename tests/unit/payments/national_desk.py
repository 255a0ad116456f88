"""The adapter of the national payment platform over the rules of its sandbox, without a network."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from chassis.clock import utc_now
from chassis.identifiers import new_id
from deploy.sandbox.national.main import application, office
from deploy.sandbox.national.office import Office
from deploy.sandbox.national.settings import Settings
from services.payments.adapters.national import National
from services.payments.adapters.national_signature import signature
from services.payments.adapters.payer import seal
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.printed import AskReceipt
from services.payments.domain.questions import AskCheckout, CreateCheckout, Item
from services.payments.domain.tidings import Known, Ring
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.merchant import AMOUNT, BENEFICIARY, DOSSIER, PROCEDURE
from tests.integration.gateways.national_merchant import PARTNER, PAYER, SEALER, SECRET, adapter
from tests.unit.sandbox.client import client_of


@dataclass
class Desk:
    """The adapter, and the platform that it speaks to."""

    gateway: National
    http: httpx.AsyncClient
    office: Office

    async def page(self, request: CreateCheckout) -> CheckoutCreated:
        answer = await self.gateway.create_checkout(request, CALLING)
        assert isinstance(answer, CheckoutCreated), answer
        return answer

    async def ask(self, request: CreateCheckout) -> Any:
        return await self.gateway.ask_checkout(about(request), CALLING)

    def pay(self, request: CreateCheckout) -> None:
        self.office.pay(request.attempt_id.hex, "VCB")

    def rings(self) -> list[Ring]:
        """What is owed to us, heard."""
        rows = self.office.store.deliveries(100)
        return [self.gateway.hear(row["message"].encode(), {}, utc_now()) for row in rows]

    def asked(self, request: CreateCheckout) -> dict[str, Any]:
        """The INIT as the platform keeps it."""
        kept: dict[str, Any] = json.loads(self.office.store.get(request.attempt_id.hex)["message"])
        return kept


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    """A platform over the data in `folder`."""
    settings = Settings(folder, PARTNER, SECRET, "http://127.0.0.1:8208", confirm_url="http://127.0.0.1:9/confirm")
    there = office(settings)
    async with client_of(application(there)) as http:
        yield Desk(adapter(http, at_once=3), http, there)


def wanted(**changes: Any) -> CreateCheckout:
    now = utc_now()
    fee = Item(code="gplx-doi", kind="lệ phí", name="Lệ phí cấp đổi giấy phép", amount=115_000, beneficiary=BENEFICIARY)
    photo = Item(code="chup-anh", kind="phí", name="Phí chụp ảnh", amount=20_000, beneficiary=BENEFICIARY)
    request = CreateCheckout(
        gateway="national",
        attempt_id=new_id(),
        bill_id=new_id(),
        dossier_code=DOSSIER,
        amount=AMOUNT,
        description=f"Phí, lệ phí hồ sơ {DOSSIER}",
        began=now,
        closes_at=now + timedelta(hours=1),
        return_url="http://127.0.0.1:9/",
        procedure=PROCEDURE,
        procedure_name="Đổi giấy phép lái xe",
        agency="G09.20",
        agency_name="Công an tỉnh Thái Nguyên",
        items=(fee, photo),
        payer_address="113.161.72.9",
        payer=seal(PAYER, SEALER),
    )
    return request.model_copy(update=changes)


def about(request: CreateCheckout) -> AskCheckout:
    return AskCheckout(
        gateway="national", attempt_id=request.attempt_id, session_id=request.attempt_id.hex, began=request.began
    )


def receipt_of(request: CreateCheckout) -> AskReceipt:
    return AskReceipt(gateway="national", attempt_id=request.attempt_id, began=request.began)


def known(request: CreateCheckout) -> Known:
    assert request.began is not None
    return Known(request.attempt_id, request.attempt_id.hex, request.began, request.closes_at, request.amount)


def query(reference: str) -> bytes:
    """A QUERY, signed as the platform's guide says."""
    message = {
        "LoaiBanTin": "QUERY", "PhienBan": "1.0.6", "MaDoiTac": PARTNER, "MaThamChieu": reference,
        "ThoiGianGD": "20261123140509",
    }  # fmt: skip
    return json.dumps({**message, "MaXacThuc": signature(message, SECRET)}).encode()
