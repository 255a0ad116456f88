"""CONFIRM: what the platform owes a partner of each payment, and what faults make of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import VIETNAM
from deploy.sandbox.national.settings import Settings
from deploy.sandbox.national.signature import signed
from deploy.sandbox.national.store import Store

FAILED = "10"
"""MaLoi of a CONFIRM that says that the payment failed: from memory."""


def stamp(seconds: float, *, twelve_hours: bool = False) -> str:
    return datetime.fromtimestamp(seconds, VIETNAM).strftime("%Y%m%d%I%M%S" if twelve_hours else "%Y%m%d%H%M%S")


def told_of(row: sqlite3.Row, settings: Settings, faults: Faults) -> dict[str, Any]:
    """What CONFIRM and the answer to QUERY say alike of a payment."""
    twelve = faults.fires("twelve_hours", row["reference"]) is not None
    return {
        "MaDoiTac": settings.partner,
        "MaThamChieu": row["reference"],
        "SoTien": row["amount"] if row["taken"] is None else row["taken"],
        "MaTienTe": row["currency"],
        "MaGiaoDich": row["number"] or "",
        "MaNganHang": row["bank"] or "",
        "ThoiGianGD": stamp(row["at"] or row["created_at"], twelve_hours=twelve),
        "ThongTinGiaoDich": row["words"],
    }


def owe_notice(settings: Settings, store: Store, faults: Faults, row: sqlite3.Row, now: float) -> None:
    """Write down the CONFIRM of what has just become of a payment, as faults would have it."""
    reference, url = row["reference"], settings.confirm_url if row["lane"] == "page" else settings.result_url
    if not url:
        return
    genuine = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00" if row["state"] == "paid" else FAILED,
        **told_of(row, settings, faults),
        # Unsigned: a payment by the dossier's code names it beside the reference that the agency gave.
        **({"MaHoSo": row["dossier"]} if row["lane"] == "code" else {}),
    }
    said, oddity = genuine, None
    if faults.fires("notice_other_amount", reference):
        said, oddity = _tenfold(genuine), "other_amount"
    if faults.fires("notice_badly_signed", reference):
        oddity = "badly_signed"
    state = "lost" if faults.fires("notice_lost", reference) else "pending"
    first = store.owe(reference, url, signed(said, settings.secret), now, state=state, oddity=oddity)
    if faults.fires("notice_duplicated", reference):
        store.owe(reference, url, signed(said, settings.secret), now, oddity="duplicate", after=first)
    if faults.fires("notice_forged", reference):
        store.owe(reference, url, signed(_tenfold(genuine), "a stolen secret"), now, oddity="forged")


def badly_signed(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "MaXacThuc": message["MaXacThuc"][::-1]}


def _tenfold(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "SoTien": message["SoTien"] * 10}
