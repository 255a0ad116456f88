"""What a payer sees: the order, the card, the bank's password, and why nothing can be paid. Plain HTML forms, no script."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.pages import page, templates
from deploy.sandbox.kit.requests import bounded_body
from deploy.sandbox.vnpay import cards, codes, faults
from deploy.sandbox.vnpay.notices import Notices
from deploy.sandbox.vnpay.office import Office, asked_for, unix_time
from deploy.sandbox.vnpay.signature import HASH, holds, query, signed_query

PAGES = templates(Path(__file__).parent / "templates")
PAGES.filters["dong"] = lambda hundredths: f"{int(hundredths) // 100:,} ₫".replace(",", ".")
LARGEST_FORM = 16 * 1024
STANDS_SECONDS = 900
MOST_AMOUNT = 999_999_999_999
_MUST = {
    "vnp_Version": r"2\.1\.0", "vnp_Command": "pay", "vnp_TmnCode": "[A-Za-z0-9]{8}", "vnp_Amount": "[1-9][0-9]{0,11}",
    "vnp_CurrCode": "VND", "vnp_TxnRef": "[A-Za-z0-9]{1,100}", "vnp_OrderInfo": r"[^\n]{1,255}",
    "vnp_OrderType": "[A-Za-z0-9]{1,100}", "vnp_Locale": "vn|en", "vnp_ReturnUrl": r"https?://\S{1,240}",
    "vnp_IpAddr": r"[0-9A-Fa-f.:]{2,45}", "vnp_CreateDate": "[0-9]{14}",
}  # fmt: skip
_MAY = {"vnp_ExpireDate": "[0-9]{14}", "vnp_BankCode": "[A-Za-z0-9]{3,20}"}
_HERE = "/paymentv2/Transaction/{token}"


@dataclass(frozen=True)
class Pages:
    office: Office
    notices: Notices

    def routes(self) -> list[Route]:
        return [
            Route("/paymentv2/vpcpay.html", self.open, methods=["GET"]),
            Route("/paymentv2/Payment/Error.html", self.error, methods=["GET"]),
            Route(_HERE, self.show, methods=["GET"]),
            Route(_HERE, self.card, methods=["POST"]),
            Route(f"{_HERE}/otp", self.password, methods=["POST"]),
            Route(f"{_HERE}/cancel", self.cancel, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        """The merchant's link. The same link again is the same page, for as long as it can be paid."""
        if (refusal := await faults.before(self.office.faults, request)) is not None:
            return refusal
        asked = dict(parse_qsl(request.url.query))
        code, expires_at = self._judged(asked)
        if code is not None:
            return _failed(code)
        order = self.office.store.purchase(asked["vnp_TxnRef"])
        if order is None:
            self.office.begin(_without_hash(asked), expires_at)
            order = self.office.store.purchase(asked["vnp_TxnRef"])
        elif order["stage"] == "ended" or asked_for(order) != _without_hash(asked):
            return _failed("01")
        assert order is not None
        return RedirectResponse(_HERE.format(token=order["token"]), 302)

    def _judged(self, asked: Mapping[str, str]) -> tuple[str | None, float]:
        """(why this link cannot be paid, when it closes)."""
        settings = self.office.settings
        if not holds(asked.get(HASH, ""), settings.secret, query(asked)):
            return "70", 0
        if any(not re.fullmatch(pattern, asked.get(name, "")) for name, pattern in _MUST.items()):
            return "03", 0
        if any(name in asked and not re.fullmatch(pattern, asked[name]) for name, pattern in _MAY.items()):
            return "03", 0
        if asked["vnp_TmnCode"] != settings.terminal:
            return "72", 0
        if asked.get("vnp_BankCode", "NCB") not in {*cards.BANKS, *cards.GROUPS}:
            return "76", 0
        try:
            begins = unix_time(asked["vnp_CreateDate"])
            ends = unix_time(asked["vnp_ExpireDate"]) if "vnp_ExpireDate" in asked else begins + STANDS_SECONDS
        except ValueError:
            return "03", 0
        return ("15" if ends <= self.office.clock() else None), ends

    async def show(self, request: Request) -> Response:
        order = self._order(request)
        return order if isinstance(order, Response) else self._form(order)

    async def card(self, request: Request) -> Response:
        """The payer has chosen a bank, and typed a card where that bank wants one."""
        typed = await _typed(request)
        if (refusal := await faults.before(self.office.faults, request)) is not None:
            return refusal
        order = self._order(request)  # from here to the transaction nothing is awaited: a second click finds it ended
        if isinstance(order, Response):
            return order
        bank = typed.get("bank", "NCB")
        if bank == "VNPAYQR":
            return await self._done(request, order, "VNPAYQR", "QRCODE")
        if bank != "NCB":
            return await self._fails(request, order, "75" if bank in cards.BANKS else "99", bank)
        number = re.sub(r"[\s-]", "", typed.get("card_number", ""))
        card = cards.BY_NUMBER.get(number)
        told = (typed.get("card_name", "").strip().upper(), typed.get("card_date", "").strip())
        if card is None or told != (cards.HOLDER, cards.ISSUED):
            return await self._mistaken(request, order, "10")
        if card.response is not None:
            return await self._fails(request, order, card.response, "NCB")
        self.office.ask_for_password(order, number)
        return RedirectResponse(_HERE.format(token=order["token"]), 303)

    async def password(self, request: Request) -> Response:
        typed = await _typed(request)
        if (refusal := await faults.before(self.office.faults, request)) is not None:
            return refusal
        order = self._order(request)
        if isinstance(order, Response):
            return order
        if order["stage"] != "otp":
            return self._form(order)
        if typed.get("otp", "").strip() != cards.OTP:
            return await self._mistaken(request, order, "79")
        return await self._done(request, order, "NCB", "ATM")

    async def cancel(self, request: Request) -> Response:
        order = self._order(request)
        return order if isinstance(order, Response) else await self._fails(request, order, "24", "VNPAY")

    async def error(self, request: Request) -> Response:
        code = request.query_params.get("code", "99")
        return page(PAGES, "error.html", 400, code=code, why=codes.PAGE_ERRORS.get(code, codes.PAGE_ERRORS["99"]).vi)

    def _order(self, request: Request) -> sqlite3.Row | Response:
        """The order of this page, while it can be paid."""
        order = self.office.store.purchase_by_token(request.path_params["token"])
        if order is None or order["stage"] == "ended":
            return _failed("99" if order is None else "01")
        if order["expires_at"] <= self.office.clock() and order["stage"] != "confirmed":
            return _failed("15")
        return page(PAGES, "waiting.html") if order["stage"] == "confirmed" else order

    def _form(self, order: sqlite3.Row, wrong: str = "", status: int = 200) -> Response:
        asked = asked_for(order)
        wanted = asked.get("vnp_BankCode", "")
        response = page(
            PAGES, "pay.html", status, order=order, asked=asked, wrong=codes.RESPONSES[wrong].vi if wrong else "",
            cards=cards.CARDS, banks=cards.BANKS, chosen=wanted if wanted in cards.BANKS else "NCB",
            left=cards.MISTAKES - order["tries"],
        )  # fmt: skip
        policy, origin = response.headers["Content-Security-Policy"], urlsplit(asked["vnp_ReturnUrl"])
        response.headers["Content-Security-Policy"] = f"{policy} {origin.scheme}://{origin.netloc}"
        return response

    async def _mistaken(self, request: Request, order: sqlite3.Row, response: str) -> Response:
        """Something was mistyped: again, but not for ever."""
        if order["tries"] + 1 >= cards.MISTAKES:
            return await self._fails(request, order, response, "NCB")
        self.office.mistake(order)
        again = self.office.store.purchase(order["txn_ref"])
        assert again is not None
        return self._form(again, "13" if order["stage"] == "otp" else "10", 400)

    async def _fails(self, request: Request, order: sqlite3.Row, response: str, bank: str) -> Response:
        self.office.fail(order, response, bank)
        return await self._back(request, order)

    async def _done(self, request: Request, order: sqlite3.Row, bank: str, card_type: str) -> Response:
        self.office.confirm(order, bank, card_type)
        return await self._back(request, order)

    async def _back(self, request: Request, order: sqlite3.Row) -> Response:
        """To the merchant, with the same words as the IPN; where the bank is still silent, to a page that says so."""
        if self.office.faults.fires("notice_before_response", order["txn_ref"]):
            await self.notices.send_now(order["txn_ref"])
        if (lost := await faults.after(self.office.faults, request)) is not None:
            return lost
        row = self.office.store.payments_of(order["txn_ref"])[0]
        if row["status"] == "01":
            return page(PAGES, "waiting.html")
        url = asked_for(order)["vnp_ReturnUrl"]
        told = signed_query(self.office.settings.secret, self.office.told(row))
        return RedirectResponse(f"{url}{'&' if urlsplit(url).query else '?'}{told}", 303)


def _failed(code: str) -> Response:
    return RedirectResponse(f"/paymentv2/Payment/Error.html?{urlencode({'code': code})}", 302)


def _without_hash(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if name != HASH}


async def _typed(request: Request) -> dict[str, str]:
    """The fields of a form as a browser sends it."""
    body = await bounded_body(request, LARGEST_FORM)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
