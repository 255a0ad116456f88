"""What VNPAY says, in the words of the port: payments, refunds, lines of the reconciliation file, notices (IPN)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from chassis.errors import Refusal, Unanswered
from services.payments.adapters.statement_lines import read_each
from services.payments.adapters.vnpay_codes import (
    PAID,
    REFUND_IN_WORK,
    REFUND_REFUSED,
    REFUND_SENT,
    RESPONSES,
    STATUSES,
)
from services.payments.adapters.vnpay_signature import is_signed, moment_of, values_of, wire_time
from services.payments.domain.answers import Captured, RefundDone, RefundRefused
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.questions import AskCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Movement, Ring, Tiding

NAME: Final = "vnpay"
KIND: Final = "pay"  # VNPAY sends one kind of notice only
_HEX_ID = re.compile("[0-9a-f]{32}")
_LONGEST_INFO = 255
_TOLD = ("vnp_TxnRef", "vnp_Amount", "vnp_TransactionNo", "vnp_ResponseCode", "vnp_TransactionStatus", "vnp_PayDate")
Told = Mapping[str, str]
Kind = Literal["capture", "refund", "refund_returned", "other"]
_KINDS: Mapping[str, Kind] = {"payment": "capture", "refund": "refund", "refund_returned": "refund_returned"}


def created(request: CreateCheckout | AskCheckout | Refund) -> str:
    """vnp_CreateDate of an attempt, by which VNPAY finds it again together with its vnp_TxnRef. Raises Unanswered."""
    began = request.began
    if began is None and not isinstance(request, Refund) and request.closes_at is not None:
        began = request.closes_at - timedelta(minutes=GATEWAYS[NAME].minutes)
    if began is None:
        raise Unanswered("nothing says when the attempt began")
    return wire_time(began)


def plain(text: str) -> str:
    """The text as VNPAY takes it in vnp_OrderInfo: Vietnamese without marks, and without special characters."""
    apart = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return " ".join(re.sub(r"[^A-Za-z0-9.-]+", " ", bare).split())[:_LONGEST_INFO]


def id_in(text: str) -> UUID | None:
    """An id of ours as it stands on the wire; None for anything else."""
    return UUID(text) if _HEX_ID.fullmatch(text) else None


def dong(hundredths: str) -> int:
    """Raises ValueError for what is no whole, positive number of đồng."""
    number = int(hundredths)
    if number <= 0 or number % 100:
        raise ValueError("no whole number of đồng")
    return number // 100


def captured(attempt_id: UUID, told: Told) -> Captured:
    """A payment that succeeded. Raises UnknownCode for an amount or a time that cannot be read."""
    try:
        amount, paid_at = dong(told["vnp_Amount"]), moment_of(told["vnp_PayDate"])
    except (ValueError, KeyError) as error:
        raise UnknownCode(f"VNPAY names a payment that cannot be read: {error}") from None
    return Captured(
        gateway=NAME,
        attempt_id=attempt_id,
        amount=amount,
        currency="VND",
        reference=told["vnp_TransactionNo"],
        paid_at=paid_at,
    )


def refund_reference(number: str, order: str, order_created: str) -> str:
    """vnp_TransactionNo of the refund, vnp_TxnRef and vnp_CreateDate of its payment."""
    return f"{number}.{order}.{order_created}"


def named_by(reference: str) -> tuple[str, str, str]:
    """The three parts of a refund's reference. Raises Unanswered for what is none."""
    match reference.split("."):
        case [number, order, order_created]:
            return number, order, order_created
    raise Unanswered("the reference names no refund at VNPAY")


def outcome(refund_id: UUID, reference: str, status: str) -> RefundDone | RefundRefused:
    """A refund that was taken. Raises Unanswered while VNPAY has it in work."""
    if status == REFUND_IN_WORK:
        raise Unanswered("VNPAY has the refund in work")
    if status == REFUND_REFUSED:
        return RefundRefused(refund_id=refund_id, reason="refused_by_bank")
    if status not in REFUND_SENT:
        raise UnknownCode(f"VNPAY knows a refund of status {status[:20]}")
    return RefundDone(refund_id=refund_id, reference=reference)


def movement(line: Mapping[str, Any]) -> Movement:
    """A line of the reconciliation file. Raises Unanswered for one that cannot be read."""
    try:
        kind = _KINDS.get(line["kind"], "other")
        number, order = str(line["vnp_TransactionNo"]), str(line["vnp_TxnRef"])
        refund = kind in ("refund", "refund_returned")
        return Movement(
            line=str(line["line"]),
            kind=kind,
            reference=refund_reference(number, order, str(line["vnp_TransactionDate"])) if refund else number,
            amount=dong(str(line["vnp_Amount"])),
            currency="VND",
            at=moment_of(str(line["time"])),
            fee=int(line["fee"]),
            attempt_id=id_in(order),
            refund_id=id_in(str(line["vnp_RequestId"])) if refund else None,
            note="" if kind != "other" else str(line["kind"])[:100],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Unanswered(f"VNPAY's statement has a line that cannot be read: {type(error).__name__}") from None


def movements(lines: Sequence[Any], otherwise: datetime) -> list[Movement]:
    """Lines of a file; `otherwise` is when something happened that does not say when."""
    return read_each(NAME, lines, movement, lambda told: moment_of(str(told["time"])), "line", otherwise)


def hear(secret: str, terminal: str, query: bytes) -> Ring:
    """An IPN, by its raw query, once its signature was found right; copies of one have one id.

    VNPAY signs no time of sending and repeats an IPN unchanged until it is confirmed, so none is too old. Whoever sends an
    old one again gains nothing: its id is known, and a payment is taken in once. Raises Refusal 400.
    """
    if not is_signed(secret, query):
        raise Refusal("bad_signature", "Chữ ký của thông báo không hợp lệ.", "The IPN is not signed by VNPAY.", 400)
    try:
        values = values_of(query)
    except ValueError:
        values = {}
    if values.get("vnp_TmnCode") != terminal or any(not values.get(name) for name in _TOLD):
        raise Refusal("bad_event", "Nội dung thông báo không đúng.", "The query is not an IPN of ours.", 400)
    named = ("vnp_TransactionNo", "vnp_TxnRef", "vnp_ResponseCode", "vnp_TransactionStatus", "vnp_Amount")
    return Ring("-".join(values[name] for name in named), KIND, query)


def tell(ring: Ring) -> Sequence[Tiding]:
    """A success says what was taken, anything else makes us ask; nothing for an order not ours. Raises UnknownCode."""
    told = values_of(ring.body) if ring.kind == KIND else {}
    attempt_id = id_in(told.get("vnp_TxnRef", ""))
    if attempt_id is None:
        return ()
    code, status = told["vnp_ResponseCode"], told["vnp_TransactionStatus"]
    if code not in RESPONSES or status not in STATUSES:
        raise UnknownCode(f"VNPAY tells of code {code[:20]}, status {status[:20]}")
    money = captured(attempt_id, told).model_copy(update={"heard_only": True}) if code == status == PAID else None
    return (Tiding(attempt_id=attempt_id, session_id=told["vnp_TxnRef"], captured=money),)
