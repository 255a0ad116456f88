"""What people see: our account, and an app where a payer scans, changes what he likes, and transfers."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.bank import qr
from deploy.sandbox.bank.deliveries import Deliveries
from deploy.sandbox.bank.office import Office
from deploy.sandbox.bank.purposes import MOST_TYPED
from deploy.sandbox.bank.transfers import MOST, PAYERS, Order, transfer
from deploy.sandbox.kit.pages import page, templates
from deploy.sandbox.kit.requests import bounded_body

LARGEST_FORM = 16 * 1024
SHOWN = 50
TOKEN = r"[0-9a-f]{32}"  # noqa: S105

STATES = {
    "credited": ("good", "Chuyển tiền thành công", "Transferred"),
    "under_way": ("wait", "Ngân hàng đang xử lý giao dịch", "On its way"),
    "failed": ("bad", "Giao dịch không thành công", "Failed"),
    "refused": ("bad", "Tài khoản không đủ số dư", "Not enough money"),
}


@dataclass(frozen=True)
class Form:
    """What stands in the app's fields, and what is wrong there, by field."""

    bin: str = ""
    account: str = ""
    amount: str = ""
    purpose: str = ""
    payer: str = "an"
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pages:
    office: Office
    deliveries: Deliveries

    def routes(self) -> list[Route]:
        return [
            Route("/", self.account),
            Route("/app", self.app),
            Route("/app/transfers", self.transfers, methods=["POST"]),
            Route("/app/transfers/{token}", self.outcome),
        ]

    async def account(self, _: Request) -> HTMLResponse:
        store, told = self.office.store, self.office.settings
        return page(PAGES, "account.html", lines=store.latest(SHOWN), totals=store.totals(), told=told)

    async def app(self, request: Request) -> HTMLResponse:
        """The empty form, or what a scanned text (`?qr=…`) fills in."""
        text = request.query_params.get("qr", "")
        if not text.strip():
            return self._form(Form())
        try:
            seen = qr.read(text)
        except qr.UnreadableError as error:
            return self._form(Form(errors={"qr": str(error)}), text)
        return self._form(Form(seen.bin, seen.account, seen.amount, seen.purpose), text)

    async def transfers(self, request: Request) -> Response:
        """The payer confirms: the form again with every mistake, or the transfer's own page."""
        body = await bounded_body(request, LARGEST_FORM)
        typed = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        names = ("bin", "account", "amount", "purpose", "payer")
        given = {name: typed.get(name, "").strip() for name in names}
        digits = re.sub(r"[\s.,]", "", given["amount"])
        errors = self._errors(given, digits)
        if errors:
            return self._form(Form(**given, errors=errors))
        token = typed.get("token", "")
        order = Order(
            token if re.fullmatch(TOKEN, token) else secrets.token_hex(16),
            given["payer"],
            int(digits),
            given["purpose"],
        )
        last = self.office.store.last_notice()
        transfer(self.office, order)
        if self.office.faults.fires("notice_before_response", order.purpose):
            await self.deliveries.send_now(self.office.store.notices_behind(last))
        return RedirectResponse(f"/app/transfers/{order.token}", 303)

    async def outcome(self, request: Request) -> HTMLResponse:
        row = self.office.store.transfer(request.path_params["token"])
        if row is None:
            return page(PAGES, "outcome.html", 404, row=None, payer=None, state=("bad", "Không có giao dịch này", ""))
        return page(PAGES, "outcome.html", row=row, payer=PAYERS[row["payer"]], state=STATES[row["state"]])

    def _errors(self, given: dict[str, str], digits: str) -> dict[str, str]:
        ours = (self.office.settings.bin, self.office.settings.account)
        wrong = {}
        if (given["bin"], given["account"]) != ours:
            wrong["account"] = "Ngân hàng nhận không có tài khoản này. Hãy quét lại mã."
        if not re.fullmatch("[1-9][0-9]{0,14}", digits):
            wrong["amount"] = "Số tiền là số nguyên đồng, ví dụ 135.000."
        elif int(digits) > MOST:
            wrong["amount"] = "Mỗi lần chuyển nhanh được ít hơn 500.000.000 đồng."
        if len(given["purpose"]) > MOST_TYPED:
            wrong["purpose"] = f"Nội dung có nhiều nhất {MOST_TYPED} ký tự."
        if given["payer"] not in PAYERS:
            wrong["payer"] = "Hãy chọn tài khoản nguồn."
        return wrong

    def _form(self, form: Form, text: str = "") -> HTMLResponse:
        known = {"form": form, "text": text, "payers": PAYERS, "most": MOST_TYPED}
        return page(PAGES, "app.html", 400 if form.errors else 200, **known)


def money(amount: int, currency: str) -> str:
    """As people write it: 135.000 đ, 5,40 USD."""
    whole = amount if currency == "VND" else amount // 100
    grouped = f"{whole:,}".replace(",", ".")
    return f"{grouped} đ" if currency == "VND" else f"{grouped},{amount % 100:02} {currency}"


PAGES = templates(Path(__file__).parent / "templates")
PAGES.filters["money"] = money
