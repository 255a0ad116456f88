"""The wordings of all notices in English."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain.wording import Wording

_FOLLOW = "Follow your dossier at {link}"

WORDINGS: Mapping[str, Wording] = {
    "submitted": Wording(
        "Dossier {code} ({procedure}) was filed. Follow it: {link}",
        "Dossier {code} was received",
        ("We received your dossier {code}: {procedure}. There is no fee.", _FOLLOW),
    ),
    "submitted-with-fee": Wording(
        "Dossier {code} was filed. Fee: {amount}, due {due}. Pay at {link}",
        "Dossier {code} was received, please pay {amount}",
        (
            "We received your dossier {code}: {procedure}.",
            "Fee to be paid: {amount}. Due: {due}.",
            "Pay online and follow your dossier at {link}",
        ),
    ),
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
    "expires-soon": Wording(
        "Dossier {code}: {amount} is due by {due}. Pay at {link}",
        "Dossier {code}: {amount} is due soon",
        (
            "{amount} is still to be paid for dossier {code}, by {due}; after that the dossier is stopped.",
            "Pay online at {link}",
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
    "accepted": Wording(
        "Dossier {code} was accepted. Result due: {due}. {link}",
        "Dossier {code} was accepted",
        ("Dossier {code} was accepted. The result is due: {due}.", _FOLLOW),
    ),
    "appointment-booked": Wording(
        "Please come to {place}, {address}, at {starts_at}: {purpose}. Dossier {code}.",
        "Appointment at {starts_at}, dossier {code}",
        (
            "Please come to the desk for: {purpose} (dossier {code}).",
            "When: {starts_at}.",
            "Where: {place}, {address}.",
            "The attached file puts the appointment into your calendar.",
            _FOLLOW,
        ),
    ),
    "refused": Wording(
        "Dossier {code} was not accepted: {grounds}\nSee {link}",
        "Dossier {code} was not accepted",
        ("We are sorry: dossier {code} was not accepted. Grounds: {grounds}", "See the details at {link}"),
    ),
    "stopped": Wording(
        "Dossier {code} was stopped. Reason: {reason}. {link}",
        "Dossier {code} was stopped",
        ("Dossier {code} was stopped. Reason: {reason}.", "You may file a new one at any time.", _FOLLOW),
    ),
    "completed": Wording(
        "Dossier {code} is done. {result} no. {result_number}, at {department}.",
        "The result of dossier {code} is ready",
        ("Dossier {code} is done. Result: {result} no. {result_number}.", "Collect at: {department}.", _FOLLOW),
    ),
    "returned": Wording(
        "The result of dossier {code} was handed over ({delivery}). Thank you.",
        "The result of dossier {code} was handed over",
        ("The result of dossier {code} was handed over ({delivery}).", "Thank you."),
    ),
    "refunded": Wording(
        "{amount} of dossier {code} was refunded the way you paid it.",
        "{amount} of dossier {code} was refunded",
        ("We refunded {amount} of dossier {code} to where it was paid from.", _FOLLOW),
    ),
    "refunded-by-hand": Wording(
        "The refund of {amount} for dossier {code} was paid out to you at the one-stop desk.",
        "{amount} of dossier {code} was paid out",
        ("The refund of {amount} for dossier {code} was paid out to you at the one-stop desk.", _FOLLOW),
    ),
    "supplement-requested": Wording(
        "Dossier {code} needs a supplement by {until}: {items}. Supply it at {link}",
        "Dossier {code} needs a supplement by {until}",
        (
            "Dossier {code} needs a supplement: {items}.",
            "Please supply it by {until}; after that the dossier is stopped. The processing clock stands until it has come.",
            "This is asked for once only. Supply it at {link}",
        ),
    ),
    "withdrawal-declined": Wording(
        "Dossier {code} cannot be withdrawn: {reason}\nSee {link}",
        "Dossier {code} cannot be withdrawn",
        ("Your wish to withdraw dossier {code} was declined. Reason: {reason}", "The dossier goes on.", _FOLLOW),
    ),
    "rescheduled": Wording(
        "We apologise: dossier {code} cannot be done by {was}. New date: {due}. Reason: {reason}\n{link}",
        "We apologise: a new date for dossier {code}",
        (
            "We apologise: the result of dossier {code} cannot be ready by {was} as promised.",
            "Reason: {reason}",
            "The new date is: {due}.",
            _FOLLOW,
        ),
    ),
    "due-changed-calendar": Wording(
        "The date of dossier {code} moves from {was} to {due}: the working calendar has changed. {link}",
        "The date of dossier {code} has changed",
        (
            "The working calendar has changed, so the date of dossier {code} moves from {was} to {due}.",
            "Reason: {reason}",
            _FOLLOW,
        ),
    ),
    "due-changed-verification": Wording(
        "Dossier {code} must be verified, its date moves from {was} to {due}. Reason: {reason}\n{link}",
        "Dossier {code} must be verified, its date has changed",
        (
            "Something in dossier {code} must be verified, as its procedure provides. Reason: {reason}",
            "The date moves from {was} to {due}.",
            _FOLLOW,
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
    "result-dispatched": Wording(
        "The result of dossier {code} was sent by {carrier}, tracking number {tracking_number}.",
        "The result of dossier {code} was sent",
        ("The result of dossier {code} was sent by {carrier}. Tracking number: {tracking_number}.", _FOLLOW),
    ),
    "message-posted": Wording(
        "An officer wrote to you in dossier {code} at {at}. Read it at {link}",
        "A new message in dossier {code}",
        ("An officer wrote to you in dossier {code} at {at}.", "Read it and answer at {link}"),
    ),
    "corrected": Wording(
        "An officer corrected {count} field(s) of dossier {code} at {at}. See before and after: {link}",
        "Dossier {code} was corrected",
        (
            "An officer corrected {count} field(s) of dossier {code} at {at}. Reason: {reason}",
            "See each before and after at {link}. If something is wrong, write to the officer in the dossier.",
        ),
    ),
    "stopped-unpaid": Wording(
        "Dossier {code} was stopped: its fees were not paid in time. {link}",
        "Dossier {code} was stopped",
        (
            "Dossier {code} was stopped because its fees were not paid in time.",
            "You may file a new one at any time.",
            _FOLLOW,
        ),
    ),
    "stopped-withdrawn": Wording(
        "Dossier {code} was stopped as you asked. {link}",
        "Dossier {code} was withdrawn",
        (
            "Dossier {code} was stopped as you asked.",
            "Fees that can be refunded, if any, are told apart. You may file a new dossier at any time.",
            _FOLLOW,
        ),
    ),
    "stopped-not-supplemented": Wording(
        "Dossier {code} was stopped: it was not supplemented in time. {link}",
        "Dossier {code} was stopped",
        (
            "Dossier {code} was stopped because it was not supplemented in time.",
            "You may file a new one at any time.",
            _FOLLOW,
        ),
    ),
    "completed-by-post": Wording(
        "Dossier {code} is done. {result} no. {result_number} will come by post.",
        "The result of dossier {code} is ready",
        (
            "Dossier {code} is done. Result: {result} no. {result_number}.",
            "It will come by post; you will get its tracking number.",
            _FOLLOW,
        ),
    ),
    "completed-online": Wording(
        "Dossier {code} is done. Get {result} no. {result_number} at {link}",
        "The result of dossier {code} is ready",
        ("Dossier {code} is done. Result: {result} no. {result_number}.", "Get the result online at {link}"),
    ),
}
