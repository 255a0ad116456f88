"""A merchant of the national payment platform: its sandbox as a process, and a payer in the browser."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import httpx

from chassis.sealing import Sealer
from services.payments.adapters.national import National
from services.payments.adapters.national_client import client
from services.payments.adapters.national_services import Account, Directory, Service
from services.payments.adapters.payer import Payer, seal
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import GATEWAYS, Manner
from tests.integration.gateways.asking import until
from tests.integration.gateways.merchant import AGENCY, BENEFICIARY, CUT_OFF_SECONDS, PROCEDURE, Notice
from tests.integration.gateways.misworded import Change, Where, said
from tests.integration.sandbox_process import Server, Sink, running

PARTNER, SECRET = "MOTCUA01", "bi mat cua doi tac"
SEALER = Sealer(base64.urlsafe_b64encode(bytes(32)).decode())
PAYER = Payer(name="Nguyễn Thị Ánh", paper="019190012345", address="17 đường Đội Cấn, tỉnh Thái Nguyên")
TABLE = Directory(
    services={PROCEDURE: Service(code="1.002809.02")},
    accounts={BENEFICIARY: Account(bank="01201001", holder="Công an tỉnh Thái Nguyên")},
    agencies={AGENCY: AGENCY},
)


ABOUT_A_PAGE = (
    said("POST", "/payment/query", lambda told: told.update(MaLoi="77")),
    said("POST", "/payment/query", lambda told: told.update(TrangThaiGD="9")),
)
MISWORDED: Mapping[Where, Sequence[Change]] = {
    "page": (said("POST", "/payment/init", lambda told: told.update(MaLoi="77")), *ABOUT_A_PAGE),
    "refund": (),
    "statement": ABOUT_A_PAGE,
}


def adapter(http: httpx.AsyncClient, at_once: int = 16) -> National:
    return National(http, PARTNER, SECRET, SEALER, TABLE, at_once=at_once)


def signed(message: dict[str, Any], secret: str = SECRET) -> bytes:
    """A CONFIRM as the platform sends it, MaXacThuc computed here from the documented order."""
    order = (
        "LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang", "ThoiGianGD",
        "ThongTinGiaoDich",
    )  # fmt: skip
    text = "|".join([*(str(message[field]) for field in order), secret])
    return json.dumps({**message, "MaXacThuc": sha256(text.encode()).hexdigest()}, ensure_ascii=False).encode()


@dataclass
class NationalMerchant:
    """The platform's partner. CONFIRMs are heard by `sink`, and answered with "00" as long as `sink.answer` says so."""

    sandbox: Server
    sink: Sink
    gateway: Gateway
    manner: Manner = GATEWAYS["national"]
    payer: str | None = None
    after_decline: Literal["open", "closed"] | None = "closed"
    page_lines: int = 2
    create_lost: str | None = "timeout_after_charge"
    refund_lost: str | None = None
    pending_ends: bool = False
    unknown_code: Literal["checkout", "refund"] = "checkout"

    def at(self, url: str, seconds: float) -> Gateway:
        return adapter(client(url, seconds))

    def through(self, transport: httpx.AsyncBaseTransport) -> Gateway:
        return adapter(client(self.sandbox.url, transport=transport))

    def misworded(self, where: Where) -> Sequence[Change]:
        return MISWORDED[where]

    def misworded_notices(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        return [(signed({**json.loads(body), "MaLoi": "77"}), headers)]

    async def pays(self, page: CheckoutCreated, amount: int | None = None) -> None:
        await self._acts(page, "pay")

    async def is_declined(self, page: CheckoutCreated) -> None:
        await self._acts(page, "fail")

    async def rings(self, count: int) -> list[Notice]:
        async def there() -> bool | None:
            return len(self.sink.received) >= count or None

        await until(there)
        return [(body, dict(headers)) for headers, body in self.sink.received[:count]]

    def begins_anew(self) -> None:
        self.sandbox.disarm()
        self.sink.received.clear()

    async def arm(self, fault: str, times: int = 1) -> None:
        self.sandbox.arm(fault, times, CUT_OFF_SECONDS if fault.startswith("timeout") else 0.0)

    async def fired(self, fault: str) -> int:
        return self.sandbox.fired(fault)

    def forged(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        genuine = json.loads(body)
        unsigned = {name: value for name, value in genuine.items() if name != "MaXacThuc"}
        stolen = signed(genuine, "another secret")
        richer = json.dumps({**genuine, "SoTien": genuine["SoTien"] * 10}).encode()
        stranger = signed({**genuine, "MaDoiTac": "KHAC"})
        return [(forgery, headers) for forgery in (json.dumps(unsigned).encode(), stolen, richer, stranger)]

    async def _acts(self, page: CheckoutCreated, action: str) -> None:
        async with httpx.AsyncClient(verify=False, timeout=30) as browser:
            answer = await browser.post(page.url, data={"bank": "VCB", "action": action})
        assert answer.status_code in (200, 303), answer.text


def told(url: str) -> dict[str, str]:
    """What the sandbox is told; `url` is where it rings."""
    return {
        "NATIONAL_PARTNER": PARTNER, "NATIONAL_SECRET": SECRET, "NATIONAL_CONFIRM_URL": url,
        "NATIONAL_RETRY_SECONDS": "0.1",
    }  # fmt: skip


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[NationalMerchant]:
    """A fresh platform over the data in `folder`."""
    sink = Sink(answer=b'{"MaLoi": "00"}')
    with sink.listening() as url, running(Server("national", folder, told(url))) as server:
        http = client(server.url)
        async with http:
            merchant = NationalMerchant(server, sink, adapter(http, at_once=2))
            merchant.payer = seal(PAYER, SEALER)
            yield merchant
