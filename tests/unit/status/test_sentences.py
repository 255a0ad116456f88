"""Every event and status can be told to people, in both languages."""

from __future__ import annotations

import unicodedata

import pytest

from contracts import appointments, dossiers, notifications, payments
from contracts.dossiers import Status
from services.status.domain.bills import PAYMENT_STATES, REFUND_STATES
from services.status.domain.sentences import EVENTS, STATUSES, Text
from services.status.domain.view import APPOINTMENT_STATES, NOTICE_STATES
from services.status.main import CONSUMES

SHOWN = [kind for topic in (dossiers, payments, appointments, notifications) for kind in topic.EVENTS]


def test_every_event_of_the_four_topics_is_consumed_and_has_its_sentences() -> None:
    assert {kind for fold in CONSUMES for kind in fold.on} == set(SHOWN)
    assert set(EVENTS) == {kind.TYPE for kind in SHOWN}


def test_every_event_but_receipts_and_reminders_gives_its_fact_a_state() -> None:
    other = {payments.ReceiptIssued, payments.ReceiptCancelled, payments.ExpiresSoon}
    assert {*PAYMENT_STATES, *REFUND_STATES} == set(payments.EVENTS) - other
    assert set(APPOINTMENT_STATES) == set(appointments.EVENTS)
    assert set(NOTICE_STATES) == set(notifications.EVENTS)
    assert all("step" in kind.model_fields for kind in dossiers.EVENTS)


def test_every_national_status_has_its_name() -> None:
    assert set(STATUSES) == set(Status)


@pytest.mark.parametrize("text", [*EVENTS.values(), *STATUSES.values()])
def test_a_text_is_composed_vietnamese_and_plain_english(text: Text) -> None:
    assert unicodedata.is_normalized("NFC", text.vi)
    assert text.en.isascii()
    assert text.vi.endswith(".") == text.en.endswith(".")


def test_no_two_events_are_told_alike() -> None:
    for language in zip(*EVENTS.values(), strict=True):
        assert len(set(language)) == len(language)
