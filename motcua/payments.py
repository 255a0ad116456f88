"""`motcua payments`: gateways, ledger and dossiers held against each other in the running system."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from chassis.clock import VIETNAM
from deploy.local.child import StackError
from deploy.local.layout import Layout
from motcua.actors import Actor
from motcua.parked_view import console, printable
from motcua.patient import JourneyError, Patient

OPERATOR = "vanhanh"
UNEXPLAINED, CANNOT = 1, 2
_LONGEST_SECONDS = 1800.0
_PAGE = 500

KINDS = {
    "unknown_payment": "tiền không rõ của ai · a payment of nobody's",
    "unknown_refund": "hoàn trả không rõ · a refund of nobody's",
    "unknown_return": "tiền hoàn quay lại không rõ · a refund that came back, of nobody's",
    "unknown_movement": "khoản khác của cổng · another movement of the gateway",
    "capture_unheard": "khoản nộp chưa nhận được · a payment that its bill does not take",
    "refund_unheard": "hoàn trả chưa nhận được · a refund that its bill does not take",
    "refund_returned_unheard": "tiền hoàn quay lại chưa nhận được · a refund that came back and its bill does not take",
    "paid_back_twice": "đã chi trả tại quầy, cổng cũng đã hoàn · paid out by hand, and sent back by the gateway too",
    "amount_differs": "số tiền khác · another amount",
    "duplicate_line": "một giao dịch hai dòng · one payment on two lines",
    "foreign_currency": "ngoại tệ · other money",
    "missing_at_gateway": "sao kê không có · missing at the gateway",
    "not_as_asked": "không đúng số yêu cầu · not what the page asked for",
    "bill_missing": "hồ sơ có phí, không có khoản phí · fees without a bill",
    "paid_but_waiting": "đã nộp, hồ sơ còn chờ · paid, and the dossier waits",
    "ended_but_kept": "hồ sơ dừng, phí chưa hoàn · ended, and the fees are kept",
    "ended_but_open": "hồ sơ dừng, khoản phí còn mở · ended, and the bill is open",
    "page_stuck": "khoản phí kẹt ở trang thanh toán hoặc quá hạn · a bill stuck at a page, or past its last day",
    "paid_without_receipt": "đã nộp, biên lai không khớp · paid, and the receipt does not fit",
    "refund_stuck": "hoàn trả chậm · a refund that no gateway answers",
    "by_hand_waiting": "chờ chi trả tại quầy · an officer must pay out",
}

app = typer.Typer(
    help="Thu phí: đối soát cổng thanh toán, sổ cái và hồ sơ · payments: gateways, ledger and dossiers reconciled.\n\n"
    "Mã thoát · exit codes: 0 mọi đồng đã được giải thích · every đồng is explained; 1 còn chênh lệch · something is not; "
    "2 không đối soát được · it could not be done.",
    no_args_is_help=True,
    add_completion=False,
)

Day = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help="Một ngày; bỏ trống: ba ngày gần nhất · a day; none: three days."),
]
Gateway = Annotated[
    str | None,
    typer.Option("--gateway", help="stripe, vnpay, vietqr, national, dossiers; bỏ trống: tất cả · none: all."),
]
Json = Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")]
Runs = list[dict[str, Any]]


@app.callback()
def payments() -> None:
    """Lệnh con · commands."""


@app.command()
def reconcile(day: Day = None, gateway: Gateway = None, as_json: Json = False) -> None:
    """Đối soát ngay: sao kê của cổng, sổ cái, hồ sơ · reconcile now: the gateways' statements, the ledger, dossiers.

    Số đồng chưa rõ (unexplained_dong) là tổng |thấy - sổ| của mọi chênh lệch bằng VND còn mở, kể cả khi có cổng không đọc
    được · unexplained_dong is the sum of |found - ours| over the open differences in VND, of those that could be read or not.
    """
    told = console(error=True)
    try:
        with Patient() as http, Patient(_LONGEST_SECONDS) as patient:
            operator = Actor(Layout.from_environment(), http, OPERATOR)
            asked = {"gateway": gateway, "day": day.date().isoformat() if day else None}
            runs = _done(patient, operator, operator.ask("POST", "payments", "/reconciliations", json=asked), told)
            found = _differences(operator, gateway)
    except (JourneyError, StackError) as error:
        told.print(str(error), style="red", markup=False)
        raise typer.Exit(CANNOT) from None
    failed = [run for run in runs if run["report"] is None]
    if as_json:
        answer = {
            "unexplained_dong": _unexplained_dong(found),
            "unexplained": len(found),
            "runs": [{name: run[name] for name in ("gateway", "day", "error", "report")} for run in runs],
            "differences": found,
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _show(console(), runs, found)
    raise typer.Exit(CANNOT if failed else UNEXPLAINED if found else 0)


def _done(patient: Patient, operator: Actor, runs: Runs, told: Console) -> Runs:
    """The runs once all have ended, with how many lines each has read shown meanwhile."""
    path = f"/reconciliations?{urlencode([('run_id', run['run_id']) for run in runs])}"
    columns = (TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TextColumn("{task.fields[lines]:,}"))
    with Progress(*columns, TimeElapsedColumn(), console=told, transient=True) as progress:
        bars = {run["run_id"]: progress.add_task(run["gateway"], total=None, lines=run["lines"]) for run in runs}

        def ended() -> Runs | None:
            now: Runs = operator.ask("GET", "payments", path)
            for run in now:
                total = 1 if run["finished_at"] else None
                progress.update(bars[run["run_id"]], lines=run["lines"], total=total, completed=total or 0)
            return now if all(run["finished_at"] for run in now) else None

        return patient.until("đối soát · the reconciliation", ended)


def _differences(operator: Actor, gateway: str | None) -> Runs:
    """All that are open."""
    found: Runs = []
    while True:
        asked = {
            "state": "open",
            "limit": _PAGE,
            "gateway": gateway,
            "after": found[-1]["difference_id"] if found else None,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        page: Runs = operator.ask("GET", "payments", f"/differences?{query}")
        found += page
        if len(page) < _PAGE:
            return found


def _unexplained_dong(found: Runs) -> int:
    """Of all that is open, whatever could be read just now; other money has no đồng."""
    return sum(abs(each["found"] - each["expected"]) for each in found if each["currency"] == "VND")


def _show(out: Console, runs: Runs, found: Runs) -> None:
    table = Table(box=None)
    for name in (
        "cổng · gateway",
        "từ · since",
        "đến · until",
        "dòng · lines",
        "tự khớp · healed",
        "chưa rõ · unexplained",
    ):
        table.add_column(name, overflow="fold")
    for run in runs:
        report = run["report"]
        if report is None:
            error = f"không đối soát được · could not be done: {run['error']}"
            table.add_row(run["gateway"], _when(run["since"]), _when(run["until"]), "", "", printable(error))
            continue
        healed, dong = sum(report["healed"].values()), f"{report['unexplained']} ({_vnd(report['unexplained_dong'])} đ)"
        table.add_row(
            run["gateway"], _when(run["since"]), _when(run["until"]), f"{report['lines']:,}", str(healed), dong
        )
    out.print(table)
    if not found:
        if all(run["report"] for run in runs):
            out.print("Mọi đồng đã được giải thích · every đồng is explained")
        return
    table = Table(box=None)
    for name in (
        "loại · kind",
        "cổng · gateway",
        "hồ sơ, mã của cổng · dossier, reference",
        "sổ · ours",
        "thấy · found",
        "id",
    ):
        table.add_column(name, overflow="fold")
    for each in found:
        where = " ".join(filter(None, (each["dossier_code"], each["reference"])))
        kind = f"{each['kind']}: {KINDS.get(each['kind'], '')}"
        sums = (_vnd(each["expected"]), f"{_vnd(each['found'])} {each['currency']}")
        table.add_row(kind, each["gateway"], printable(where), *sums, each["difference_id"])
    out.print(table)
    out.print(f"Chưa rõ · unexplained: {len(found)} ({_vnd(_unexplained_dong(found))} đ)")
    out.print("Cách xử lý từng loại: docs/runbooks/money.md · what to do about each kind")


def _when(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(VIETNAM).strftime("%d/%m %H:%M")


def _vnd(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")
