"""The wordings of notices in English, but of those about fees (english_fees.py)."""

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
