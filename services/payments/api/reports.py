"""Reports of agencies: takings by day, gateway, beneficiary account and kind of fee; the journal of receipts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from chassis.access import Caller
from chassis.errors import Refusal
from chassis.http import CallerOf, WorkOf, allowed
from chassis.postgres import Pool
from services.payments import store
from services.payments.api.common import Day, Name, begin_of
from services.payments.papers import tables

LONGEST_DAYS = 366
MOST_ROWS = 100_000  # of what is made in memory; the journal as CSV is sent as it is read
PAGE = 5_000  # receipts that are read at once
PART = timedelta(hours=3)  # of which takings are read at once
Rows = Sequence[Mapping[str, Any]]
Form = Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")]
From = Annotated[Day, Query(alias="from", description="first day, in Vietnam")]
Until = Annotated[Day, Query(description="last day")]

_TAKINGS = {
    "agency": "Mã cơ quan",
    "agency_name": "Cơ quan",
    "day": "Ngày",
    "gateway": "Nơi thu",
    "beneficiary": "Tài khoản thụ hưởng",
    "kind": "Loại",
    "collected": "Đã thu (đồng)",
    "refunded": "Đã hoàn trả (đồng)",
    "net": "Còn lại (đồng)",
}
_OF, _SUMS = ("agency", "day", "gateway", "beneficiary", "kind"), ("collected", "refunded", "net")
_JOURNAL = {
    "number": "Số biên lai",
    "issued_at": "Lập lúc",
    "agency": "Mã cơ quan",
    "agency_name": "Cơ quan",
    "dossier_code": "Mã hồ sơ",
    "amount": "Số tiền (đồng)",
    "replaces": "Thay thế biên lai",
    "ended": "Tình trạng",
    "ended_at": "Hết giá trị lúc",
    "ended_because": "Lý do",
}
_ENDED = {None: "có giá trị", "replaced": "đã thay thế", "cancelled": "đã hủy"}


class Taking(BaseModel):
    """Đồng that came in for fees on one day, and what of them went back or is owed back; `net` is what stays.

    Fees count when the last of their money came in; what was paid in parts stands under each gateway with what it took.
    """

    agency: str
    agency_name: str
    day: date
    gateway: str
    beneficiary: str
    kind: str
    collected: int
    refunded: int
    net: int


class ReceiptLine(BaseModel):
    """A receipt in the order of numbers. `ended`: replaced or cancelled."""

    number: str
    issued_at: datetime
    agency: str
    agency_name: str
    dossier_code: str
    amount: int
    replaces: str | None
    ended: str | None
    ended_at: datetime | None
    ended_because: str | None


def of_reports() -> APIRouter:
    """Officers get their agency's, operators all or one."""
    routes = APIRouter(tags=["reports"], prefix="/reports")

    @routes.get("/takings", response_model=list[Taking], response_class=Response)
    async def takings(
        caller: CallerOf, work: WorkOf, first: From, until: Until, agency: Name | None = None, form: Form = "json"
    ) -> Response:
        """What was collected and sent back, from the ledger; a refund counts on the day on which it was decided."""
        _period(first, until)
        pages = _takings(work.pool, first, until, _agency(caller, agency))
        rows = await _few(pages)
        if form == "json":
            return JSONResponse([Taking.model_validate(row).model_dump(mode="json") for row in rows])
        cells = [[row[name] for name in _TAKINGS] for row in rows]
        if form == "xlsx":
            book = await asyncio.to_thread(tables.workbook_of, "Thu phí, lệ phí", list(_TAKINGS.values()), cells)
            return _file(book, tables.XLSX, f"thu-{first}-{until}.xlsx")
        text = await asyncio.to_thread(tables.csv_of, [list(_TAKINGS.values()), *cells])
        return _file(tables.MARK + text, tables.CSV, f"thu-{first}-{until}.csv")

    @routes.get("/receipts", response_model=list[ReceiptLine], response_class=Response)
    async def receipts(
        caller: CallerOf, work: WorkOf, first: From, until: Until, agency: Name | None = None, form: Form = "json"
    ) -> Response:
        """The journal of receipts: every number that was given, with what became of it."""
        _period(first, until)
        pages = _receipts(work.pool, first, until, _agency(caller, agency))
        if form == "csv":
            return StreamingResponse(_csv(pages), headers=_named(tables.CSV, f"bien-lai-{first}-{until}.csv"))
        rows = await _few(pages)
        if form == "json":
            return JSONResponse([ReceiptLine.model_validate(row).model_dump(mode="json") for row in rows])
        cells = [_receipt_cells(row) for row in rows]
        book = await asyncio.to_thread(tables.workbook_of, "Biên lai", list(_JOURNAL.values()), cells)
        return _file(book, tables.XLSX, f"bien-lai-{first}-{until}.xlsx")

    return routes


async def _takings(pool: Pool, first: date, until: date, agency: str | None) -> AsyncIterator[Rows]:
    """A day's rows at a time, added up from parts of it: no statement takes long, however much was paid on that day."""
    for since, end in _days(first, until):
        sums = dict[tuple[Any, ...], dict[str, Any]]()
        for begin in (since + PART * number for number in range((end - since) // PART)):
            for row in await store.reports.takings(pool, begin, begin + PART, agency):
                so_far = sums.setdefault(tuple(row[name] for name in _OF), row | dict.fromkeys(_SUMS, 0))
                so_far.update({name: so_far[name] + row[name] for name in _SUMS})
        yield [sums[of] for of in sorted(sums)]


async def _receipts(pool: Pool, first: date, until: date, agency: str | None) -> AsyncIterator[Rows]:
    for since, end in _days(first, until):
        last, rows = "", list[Mapping[str, Any]]()
        while not last or len(rows) == PAGE:
            rows = list(await store.reports.journal(pool, since, end, agency, last, PAGE))
            yield rows
            last = rows[-1]["number"] if rows else "none"


def _days(first: date, until: date) -> Iterator[tuple[datetime, datetime]]:
    """Each day by itself: no statement takes long, however long the period is."""
    for number in range((until - first).days + 1):
        day = first + timedelta(days=number)
        yield begin_of(day), begin_of(day + timedelta(days=1))


async def _few(pages: AsyncIterator[Rows]) -> list[Mapping[str, Any]]:
    """All rows at once. Raises Refusal 422 for more than are kept in memory."""
    rows = list[Mapping[str, Any]]()
    async for page in pages:
        rows += page
        if len(rows) > MOST_ROWS:
            raise Refusal(
                "too_many_rows",
                f"Có hơn {MOST_ROWS} dòng: hãy chọn kỳ ngắn hơn hoặc tải tệp CSV.",
                f"There are more than {MOST_ROWS} rows: choose a shorter period, or CSV.",
                422,
            )
    return rows


async def _csv(pages: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    yield tables.MARK + tables.csv_of([list(_JOURNAL.values())])
    async for rows in pages:
        yield await asyncio.to_thread(tables.csv_of, [_receipt_cells(row) for row in rows])


def _receipt_cells(row: Mapping[str, Any]) -> list[tables.Cell]:
    return [_ENDED[row[name]] if name == "ended" else row[name] for name in _JOURNAL]


def _period(first: date, until: date) -> None:
    """Raises Refusal 422 for days the wrong way round or too many."""
    if not timedelta() <= until - first < timedelta(days=LONGEST_DAYS):
        raise Refusal(
            "bad_period",
            f"Kỳ báo cáo phải từ 1 đến {LONGEST_DAYS} ngày, ngày đầu không sau ngày cuối.",
            f"A period has 1 to {LONGEST_DAYS} days, the first not after the last.",
            422,
        )


def _agency(caller: Caller, asked: str | None) -> str | None:
    allowed(caller, "officer", "operator")
    return asked if caller.role == "operator" else caller.agency or ""


def _file(content: bytes, media: str, name: str) -> Response:
    return Response(content, headers=_named(media, name))


def _named(media: str, name: str) -> dict[str, str]:
    disposition = f'attachment; filename="{name}"'
    return {"Content-Type": media, "Content-Disposition": disposition, "Cache-Control": "private, no-store"}
