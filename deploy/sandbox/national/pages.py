"""The pages a payer sees: the platform's pay page, and paying by the dossier's code. Plain HTML forms, no script.

`POST /thanh-toan/{token}` takes `bank` and `action`: pay, fail or leave. `POST /tra-cuu` takes `code`.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.pages import page, templates
from deploy.sandbox.kit.requests import bounded_body
from deploy.sandbox.national.checks import BANKS
from deploy.sandbox.national.dues import what_is_due
from deploy.sandbox.national.office import Office

PAGES = templates(Path(__file__).parent / "templates")
PAGES.filters["dong"] = lambda amount: f"{amount:,}".replace(",", ".") + " ₫"
LARGEST_FORM = 16 * 1024


@dataclass(frozen=True)
class Pages:
    office: Office

    def routes(self) -> list[Route]:
        return [
            Route("/thanh-toan/{token}", self.show, methods=["GET"]),
            Route("/thanh-toan/{token}", self.act, methods=["POST"]),
            Route("/tra-cuu", self.look_up, methods=["GET", "POST"]),
        ]

    async def show(self, request: Request) -> Response:
        row = self.office.store.by_token(request.path_params["token"])
        return self._page(row) if row is not None else page(PAGES, "unknown.html", 404)

    async def act(self, request: Request) -> Response:
        form, known = await typed(request), self.office.faults
        row = self.office.store.by_token(request.path_params["token"])
        if row is None:
            return page(PAGES, "unknown.html", 404)
        if known.befalls("storm_500", request):
            return page(PAGES, "unknown.html", 500)
        await known.delays(request)
        action, bank, reference = form.get("action"), form.get("bank", ""), row["reference"]
        if action == "leave":
            return self._back(row)
        if action not in ("pay", "fail") or bank not in BANKS:
            return self._page(row, 400, wrong=True)
        row = self.office.pay(reference, bank) if action == "pay" else self.office.fail(reference, bank)
        if await known.silences("timeout_after_charge", request):
            return Response(status_code=504)
        return self._back(row) if row["state"] == "paid" else self._page(row)

    async def look_up(self, request: Request) -> Response:
        if request.method == "GET":
            return page(PAGES, "look_up.html", due=None, code="")
        code = (await typed(request)).get("code", "").strip()
        if not self.office.settings.due_url or not code:
            return page(PAGES, "look_up.html", 400, due=None, code=code)
        due = await what_is_due(self.office.settings.due_url, code)
        if due.answer != "due":
            return page(PAGES, "look_up.html", due=due, code=code)
        row = self.office.open_due(due.bill, due.amount)
        return RedirectResponse(f"/thanh-toan/{row['token']}", 303)

    def _page(self, row: sqlite3.Row, status: int = 200, *, wrong: bool = False) -> Response:
        message = json.loads(row["message"])
        receipt = message.get("ThongTinBienLai") or message
        back = self._return_url(row)
        response = page(
            PAGES, "pay.html", status, payment=row, receipt=receipt, banks=BANKS, wrong=wrong, back=back,
        )  # fmt: skip
        if back:
            policy, origin = response.headers["Content-Security-Policy"], urlsplit(back)
            response.headers["Content-Security-Policy"] = f"{policy} {origin.scheme}://{origin.netloc}"
        return response

    def _back(self, row: sqlite3.Row) -> Response:
        """To the agency's page, where the partner has registered one."""
        back = self._return_url(row)
        return RedirectResponse(back, 303) if back else self._page(row)

    def _return_url(self, row: sqlite3.Row) -> str:
        return self.office.settings.return_url.replace("{code}", quote(row["dossier"], safe=""))


async def typed(request: Request) -> dict[str, str]:
    """The fields of a form as a browser sends it."""
    body = await bounded_body(request, LARGEST_FORM)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
