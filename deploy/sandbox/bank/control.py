"""What the sandbox's own programs ask and do: faults, the truth about all money, many lines at once. No key."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.bank.faults import failure
from deploy.sandbox.bank.office import Office, told_line
from deploy.sandbox.bank.purposes import WAYS, mangled
from deploy.sandbox.bank.store import Entry, dicts
from deploy.sandbox.kit.requests import bounded_body

LARGEST_BODY = 64 * 1024 * 1024
MOST_LINES = 200_000


@dataclass(frozen=True)
class Control:
    office: Office

    def routes(self) -> list[Route]:
        return [
            *self.office.faults.routes(),
            Route("/_control/lines", self.lines, methods=["GET"]),
            Route("/_control/lines", self.book, methods=["POST"]),
            Route("/_control/transfers", self._listing("transfer", "transfers")),
            Route("/_control/returns", self._listing("returns", "returns")),
            Route("/_control/notices", self._listing("notice", "notices")),
            Route("/healthz", self.health),
        ]

    def _listing(self, table: str, name: str) -> Any:
        """The latest 1,000, newest last."""

        async def listed(_: Request) -> JSONResponse:
            return JSONResponse({name: dicts(self.office.store.all_of(table))})

        return listed

    async def lines(self, _: Request) -> JSONResponse:
        """The latest 1,000 lines, newest last; `totals` of all by currency and direction."""
        told = [told_line(row) for row in self.office.store.latest(1000)[::-1]]
        return JSONResponse({"lines": told, "totals": dicts(self.office.store.totals())})

    async def book(self, request: Request) -> Response:
        """Book many lines in one transaction; answers their ids.

        `{"lines": [{"amount": 135000, "purpose": "…", "at": "2026-11-23T09:00:00+07:00", "currency": "VND",
        "direction": "credit"}], "notify": false}`, all but the amount may be left out; or `{"count": 100000, "amount": …,
        "purpose": "…", "at": …, "seconds": 86400}` for so many alike, spread evenly over the seconds from `at` on.
        Purposes go through the payers' banks in turn; those of debits are the bank's own words and stay as they are.
        """
        try:
            asked = json.loads(await bounded_body(request, LARGEST_BODY))
            entries = list(self._entries(asked))
            notify = bool(asked.get("notify", False))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            return failure(400, "invalid_request", f"no lines: {error!r}")
        if len(entries) > MOST_LINES:
            return failure(400, "invalid_request", f"at most {MOST_LINES} lines at once")
        with self.office.store.transaction():
            booked = self.office.credit(entries, notify)
        return JSONResponse({"ids": booked}, 201)

    def _entries(self, asked: dict[str, Any]) -> Iterable[Entry]:
        if "lines" in asked:
            return (self._entry(each, number) for number, each in enumerate(asked["lines"]))
        count = int(asked["count"])
        step = float(asked.get("seconds", 0)) / max(1, count)
        alike = ({**asked, "behind": number * step} for number in range(min(count, MOST_LINES + 1)))
        return (self._entry(each, number) for number, each in enumerate(alike))

    def _entry(self, asked: dict[str, Any], number: int) -> Entry:
        """Raises ValueError, TypeError or KeyError for what is no line."""
        direction, purpose = str(asked.get("direction", "credit")), str(asked.get("purpose", ""))
        amount, currency = int(asked["amount"]), str(asked.get("currency", "VND"))
        if direction not in ("credit", "debit") or not 0 < amount < 2**62 or len(currency) != 3:
            raise ValueError(f"direction {direction}, amount {amount}, currency {currency}")
        at = datetime.fromisoformat(asked["at"]).timestamp() if "at" in asked else self.office.clock()
        way = list(WAYS)[number % len(WAYS)]
        arrives = mangled(purpose, way, secrets.randbelow(10**10)) if direction == "credit" else purpose.upper()
        return Entry(at + asked.get("behind", 0.0), direction, amount, currency, arrives, f"******{number % 10**4:04}")

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})
