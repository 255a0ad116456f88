"""What the domain must know of each gateway: how its pages end, whether the payer chooses the amount, how money goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

Closing = Literal["asked", "itself", "never"]
Returning = Literal["any", "dong", "page"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How one gateway behaves.

    closes      asked: its page is closed when we say so · itself: only when its time is over · never: it is abandoned,
                asked about for ever, and late money is returned (docs/model, rule 22)
    minutes     how long a page stands
    parts       whether the payer writes the amount himself, so that too little and too much are ordinary
    refundable  how long after the capture the gateway sends money back; None: it never does, an officer must
    returns     what it can send back of all that it takes: dong: money that is đồng · page: that, where a page of ours
                took it, for it wants to know which · any
    asks_payer  whether a page needs the payer's name and paper
    statement   whether it gives a statement; else it is asked about each page, and of other money it tells in notices only
    """

    name: str
    title_vi: str
    title_en: str
    closes: Closing
    minutes: int
    parts: bool = False
    refundable: timedelta | None = None
    returns: Returning = "any"
    asks_payer: bool = False
    statement: bool = True

    def sends_back(self, age: timedelta, currency: str, has_page: bool) -> bool:
        """Whether money that came in so long ago, by a page of ours or not, goes back by this gateway itself."""
        if self.refundable is None or age > self.refundable:
            return False
        return self.returns == "any" or (currency == "VND" and (has_page or self.returns == "dong"))


STRIPE = "stripe"
COUNTER = "counter"
BANK = "bank"

GATEWAYS: Mapping[str, Manner] = MappingProxyType(
    {
        manner.name: manner
        for manner in (
            Manner(STRIPE, "Thẻ quốc tế", "Card", "asked", 60, refundable=timedelta(days=180)),
            Manner(
                "vnpay",
                "VNPAY: thẻ nội địa, ví, mã QR",
                "VNPAY",
                "itself",
                15,
                refundable=timedelta(days=30),
                returns="page",
            ),
            Manner(
                "vietqr",
                "Chuyển khoản bằng mã VietQR",
                "Bank transfer by VietQR",
                "never",
                60,
                parts=True,
                refundable=timedelta(days=90),
                returns="dong",
            ),
            Manner(
                "national",
                "Nền tảng thanh toán Cổng Dịch vụ công quốc gia",
                "Payment platform of the national portal",
                "never",
                60,
                asks_payer=True,
                statement=False,
            ),
        )
    }
)
"""Where a citizen is sent to pay. Refund windows are the providers' usual terms, from memory: settled by contract."""

ELSEWHERE: Mapping[str, Manner] = MappingProxyType(
    {
        COUNTER: Manner(COUNTER, "Nộp tại quầy", "At the counter", "never", 0),
        BANK: Manner(BANK, "Nộp qua ngân hàng của người nộp", "At the payer's own bank", "never", 0),
    }
)
"""Where money is taken without a page of ours: it goes back by an officer's hand."""


def manner_of(gateway: str) -> Manner:
    """Raises KeyError for a gateway that nobody knows."""
    return GATEWAYS.get(gateway) or ELSEWHERE[gateway]
