"""What several groups of routes share: who may see a bill, texts as they are kept, and where a request comes from."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, time
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any
from uuid import UUID

from fastapi import Request
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from chassis.access import Caller
from chassis.clock import VIETNAM
from chassis.errors import NotFound, Refusal
from chassis.mistakes import mistake
from chassis.postgres import Connection
from chassis.work import Work
from contracts.money import Dong
from services.payments import store
from services.payments.domain.bill import Bill

Network = IPv4Network | IPv6Network

WAIT_SECONDS = 8.0


def _in_nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# Without control characters: PostgreSQL keeps no U+0000.
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(_in_nfc),
]
"""A sentence that somebody writes."""
Name = Annotated[Text, StringConstraints(max_length=100)]
"""A code, a number, or a reference."""


Amount = Annotated[Dong, Field(strict=True)]
"""Whole đồng as somebody says them: neither text, nor true, nor 1.0 is an amount."""


def _of_our_times(moment: Any) -> Any:
    if not 2000 <= moment.year < 2100:
        raise mistake("not_of_our_times", "Năm phải từ 2000 đến 2099.", "The year is from 2000 to 2099.")
    return moment


Day = Annotated[date, AfterValidator(_of_our_times)]
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_times)]


def begin_of(day: date) -> datetime:
    """The first moment of a day in Vietnam."""
    return datetime.combine(day, time(), VIETNAM)


def nothing() -> NotFound:
    return NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")


def may_see(caller: Caller, bill: Bill) -> bool:
    """Its citizen, the officers of its agency, and operators."""
    mine = caller.role == "citizen" and caller.person_id == bill.person_id
    ours = caller.role == "officer" and caller.agency == bill.agency
    return mine or ours or caller.role == "operator"


async def use_voucher(connection: Connection, agency: str, voucher: str, money_id: UUID, bill_id: UUID | None) -> None:
    """Use a voucher of an agency for this money. Raises Refusal 409 where it was used for other money."""
    used_for = await store.vouchers.keep(connection, f"{agency} {voucher}", money_id, bill_id)
    if used_for is not None:
        vi, en = (f"hồ sơ {used_for}", f"dossier {used_for}") if used_for else ("khoản tiền khác", "other money")
        raise Refusal(
            "voucher_used",
            f"Chứng từ này đã ghi cho {vi}. Mỗi khoản tiền cần một chứng từ riêng.",
            f"This voucher was used for {en}. All money needs a voucher of its own.",
        )


async def shown(work: Work, bill_id: UUID, caller: Caller) -> Bill:
    """A bill that this caller may see. Raises the same NotFound for a stranger's bill as for none."""
    bill = await store.bills.find(work.pool, bill_id)
    if bill is None or not may_see(caller, bill):
        raise nothing()
    return bill


def proxies(setting: str) -> tuple[Network, ...]:
    """The networks of `trusted_proxies`, separated by commas. Raises ValueError for what is no network."""
    return tuple(ip_network(each.strip()) for each in setting.split(",") if each.strip())


def address_of(request: Request, trusted: Sequence[Network]) -> str:
    """The payer's IP address: the connection's, or what proxies of ours say of theirs; a stranger's word is not taken."""
    address = request.client.host if request.client else "127.0.0.1"
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while hops and _is_in(address, trusted):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
