"""The wordings of notices about fees, in English."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain.wording import Wording

_FOLLOW = "Follow your dossier at {link}"

WORDINGS: Mapping[str, Wording] = {
    "paid": Wording(
        "{amount} received for dossier {code}. Receipt no. {receipt_number}.",
        "{amount} received for dossier {code}",
        ("We received {amount} for dossier {code}. Receipt number {receipt_number}.", _FOLLOW),
    ),
    "partly-paid": Wording(
        "{amount} received for dossier {code}, {outstanding} still due. Pay the rest at {link}",
        "Dossier {code}: {outstanding} still due",
        ("We received {amount} for dossier {code}; {outstanding} is still due.", "Pay the rest at {link}"),
    ),
    "discrepancy": Wording(
        "Dossier {code}: what was received does not match the fee. An officer is looking into it, please do not pay again. {link}",
        "Dossier {code}: what was received does not match, please do not pay again",
        (
            "We received money for dossier {code} that does not match the fee.",
            "An officer is looking into it. Please do not pay again; you will be told the outcome (a receipt, or a refund).",
            _FOLLOW,
        ),
    ),
    "expires-soon": Wording(
        "Dossier {code}: {amount} is due by {due}. Pay at {link}",
        "Dossier {code}: {amount} is due soon",
        (
            "{amount} is still to be paid for dossier {code}, by {due}; after that the dossier is stopped.",
            "Pay online at {link}",
        ),
    ),
    "fees-requested": Wording(
        "More fees for dossier {code}: {amount}, due {due}. Pay at {link}",
        "More fees for dossier {code}, please pay {amount}",
        (
            "More fees have come up for dossier {code}: {amount}. They are for: {items}.",
            "Due: {due}; after that the dossier is stopped.",
            "Pay online at {link}",
        ),
    ),
    "fees-withdrawn": Wording(
        "Dossier {code}: {amount} need not be paid, the request was taken back; what was paid comes back. Reason: {reason}\n{link}",
        "Dossier {code}: {amount} need not be paid",
        (
            "The agency took back its request for {amount} for dossier {code}. You need not pay it.",
            "Reason: {reason}",
            "If you have paid for this request, all of it is refunded to you; you will be told when it is.",
            _FOLLOW,
        ),
    ),
    "refund-by-hand": Wording(
        "Dossier {code}: {amount} is refunded to you. Please collect it at the one-stop desk.",
        "Dossier {code}: a refund of {amount} waits at the one-stop desk",
        (
            "{amount} of dossier {code} is refunded to you.",
            "It cannot go back the way it was paid: please come to the one-stop desk with your papers to collect it.",
        ),
    ),
    "refund-by-hand-without-amount": Wording(
        "Dossier {code}: money is refunded to you. Please collect it at the one-stop desk with your ID.",
        "Dossier {code}: a refund waits at the one-stop desk",
        (
            "Money of dossier {code} is refunded to you.",
            "It cannot go back the way it was paid: please come to the one-stop desk with your papers to collect it.",
        ),
    ),
    "refund-failed": Wording(
        "Dossier {code}: your refund could not go back the way you paid. Please collect it at the one-stop desk with your ID.",
        "Dossier {code}: please collect your refund at the one-stop desk",
        (
            "The refund of dossier {code} could not go back to where it was paid from, even if you were told before that it had.",
            "Please bring your identity papers and this code to the one-stop desk that received the dossier to collect it.",
            "If the money has reached your account or card, there is no need to come. See the amount at {link}",
        ),
    ),
    "refund-failed-with-amount": Wording(
        "Dossier {code}: your refund of {amount} could not go back the way you paid. "
        "Please collect it at the one-stop desk with your ID.",
        "Dossier {code}: please collect your refund of {amount} at the one-stop desk",
        (
            "The refund of {amount} of dossier {code} could not go back to where it was paid from, "
            "even if you were told before that it had.",
            "Please bring your identity papers and this code to the one-stop desk that received the dossier to collect it.",
            "If the money has reached your account or card, there is no need to come. Follow it at {link}",
        ),
    ),
    "refunded": Wording(
        "{amount} of dossier {code} was refunded the way you paid it.",
        "{amount} of dossier {code} was refunded",
        ("We refunded {amount} of dossier {code} to where it was paid from.", _FOLLOW),
    ),
    "refunded-without-amount": Wording(
        "The money for dossier {code} was refunded the way you paid it.",
        "The money for dossier {code} was refunded",
        ("We refunded the money for dossier {code} to where it was paid from.", _FOLLOW),
    ),
    "refunded-by-hand": Wording(
        "The refund of {amount} for dossier {code} was paid out to you at the one-stop desk.",
        "{amount} of dossier {code} was paid out",
        ("The refund of {amount} for dossier {code} was paid out to you at the one-stop desk.", _FOLLOW),
    ),
    "refunded-by-hand-without-amount": Wording(
        "The refund for dossier {code} was paid out to you at the one-stop desk.",
        "The refund for dossier {code} was paid out",
        ("The refund for dossier {code} was paid out to you at the one-stop desk.", _FOLLOW),
    ),
}
