"""Which notices an event asks for, and that each can be put into words, on a phone in at most two parts."""

from __future__ import annotations

from typing import Any, get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import appointments, contacts, dossiers, payments
from services.notifications.domain import plan, texts
from services.notifications.domain.contact import Language
from services.notifications.domain.notice import Facts
from services.notifications.domain.sms import split
from services.notifications.domain.wordings import WORDINGS
from tests.records import CODE, EXAMPLES, event, example

LANGUAGES: tuple[Language, ...] = get_args(Language)
LINK = f"https://dichvucong.thainguyen.example/dossiers/{CODE}"
CAUSES: dict[Any, tuple[str, tuple[Any, ...]]] = {
    dossiers.Stopped: ("cause", (None, "unpaid", "withdrawn", "not_supplemented", "agency")),
    dossiers.Completed: ("delivery", (None, "desk", "post", "online")),
    dossiers.DueChanged: ("cause", ("calendar", "verification")),
    dossiers.MessagePosted: ("author", ("citizen", "officer")),
    payments.RefundStarted: ("by_hand", (False, True)),
    payments.Refunded: ("by_hand", (False, True)),
    payments.RefundFailed: ("amount", (None, 135_000)),
}
EVERY = [kind.model_validate(each) for kind in plan.EVENTS for each in EXAMPLES[kind]]
EVERY += [example(kind, **{field: each}) for kind, (field, ways) in CAUSES.items() for each in ways]
NO_DONG = [
    example(payments.RefundStarted, amount=0, by_hand=True),
    example(payments.Refunded, amount=0, by_hand=False),
    example(payments.Refunded, amount=0, by_hand=True),
    example(payments.RefundFailed, amount=None),
]
"""What is told of money that is no đồng."""
EVERY += NO_DONG
ASKED = [data for data in EVERY if plan.notices(event(data))]
SPEAKABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400).filter(str.strip)


def announced(data: Any) -> list[Any]:
    return [each for _, each in plan.notices(event(data))]


@pytest.mark.parametrize("data", ASKED, ids=lambda data: data.TYPE)
def test_each_event_asks_for_one_notice_on_each_channel(data: Any) -> None:
    told = event(data)
    first, second = plan.notices(told), plan.notices(told)
    assert first == second
    assert sorted(each.channel for _, each in first) == ["email", "sms"]
    assert len({each.notice_id for _, each in first}) == 2
    assert [key for key, _ in first] == [f"{CODE}/{each.step}/{each.channel}" for _, each in first]


def _keys(data: Any) -> set[str]:
    return {key for key, _ in plan.notices(event(data))}


ONCE = [data for data in ASKED if _keys(data) == _keys(data)]
"""What happens once to a dossier, or is told apart by an id of its own, whatever the event's id."""


@given(st.lists(st.sampled_from([event(data) for data in ASKED]), max_size=30))
def test_any_history_gives_at_most_one_notice_for_each_step_and_channel(history: list[Any]) -> None:
    """Whatever is told again asks for the notice that is there already."""
    places = {(each.step, each.channel) for told in history for _, each in plan.notices(told)}
    assert len({key for told in history for key, _ in plan.notices(told)}) == len(places)


@given(st.lists(st.sampled_from(ONCE), max_size=30))
def test_what_happens_once_is_announced_once_under_whatever_event_id(history: list[Any]) -> None:
    assert all(data.TYPE == other.TYPE for data in history for other in history if _keys(data) & _keys(other))


def test_what_may_happen_again_is_announced_each_time() -> None:
    assert {type(data) for data in ASKED if data not in ONCE} == {
        payments.ExpiresSoon,
        payments.RefundFailed,
        dossiers.FeesRequested,
        dossiers.WithdrawalDeclined,
        dossiers.DueChanged,
        dossiers.Corrected,
        dossiers.MessagePosted,
        dossiers.ResultDispatched,
    }


def test_fees_of_the_form_and_the_citizens_own_messages_are_not_announced() -> None:
    assert not announced(example(dossiers.FeesRequested, fee_lines=()))
    assert not announced(example(dossiers.MessagePosted, author="citizen"))


def test_only_a_promised_date_that_moves_is_announced() -> None:
    step = example(dossiers.DueChanged).step  # type: ignore[attr-defined]
    assert step.result_due is not None
    unpromised = step.model_copy(update={"result_due": None})
    assert announced(example(dossiers.DueChanged))
    assert not announced(example(dossiers.DueChanged, step=unpromised.model_dump(mode="json")))


def test_what_the_citizen_is_told() -> None:
    assert set(plan.EVENTS) == {
        dossiers.Submitted,
        dossiers.FeesRequested,
        dossiers.FeesWithdrawn,
        dossiers.SupplementRequested,
        dossiers.WithdrawalDeclined,
        dossiers.Rescheduled,
        dossiers.DueChanged,
        dossiers.Corrected,
        dossiers.MessagePosted,
        dossiers.ResultDispatched,
        dossiers.Accepted,
        dossiers.Refused,
        dossiers.Stopped,
        dossiers.Completed,
        dossiers.Returned,
        payments.ReceiptIssued,
        payments.PartlyPaid,
        payments.DiscrepancyFound,
        payments.ExpiresSoon,
        payments.RefundStarted,
        payments.RefundFailed,
        payments.Refunded,
        appointments.Booked,
    }


def test_a_second_refund_appointment_and_request_taken_back_are_told_too() -> None:
    again: dict[Any, str] = {
        payments.Refunded: "refund_id",
        appointments.Booked: "appointment_id",
        dossiers.FeesWithdrawn: "request_id",
    }
    for kind, key in again.items():
        other = example(kind, **{key: "019ea9f0-1a2b-7c3d-8e4f-5a6b7c8d9eff"})
        assert not _keys(example(kind)) & _keys(other)


def test_each_turn_of_a_refund_is_told_once_until_the_citizen_has_the_money() -> None:
    """Refused; gone after all; come back; paid out at the desk. Each event comes twice from Kafka."""
    gone, failed = example(payments.Refunded, by_hand=False), example(payments.RefundFailed)
    turns = [event(data) for data in (failed, gone, failed, example(payments.Refunded, by_hand=True))]
    told = {key: each for told in turns for key, each in [*plan.notices(told), *plan.notices(told)]}
    letters = [each.template for each in told.values() if each.channel == "email"]
    assert letters == ["refund-failed-with-amount", "refunded", "refund-failed-with-amount", "refunded-by-hand"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("data", NO_DONG, ids=lambda data: f"{data.TYPE} {getattr(data, 'by_hand', '')}")
def test_a_notice_of_money_that_is_no_dong_names_no_amount(data: Any, language: Language) -> None:
    for each in announced(data):
        letter = texts.letter(each.template, language, each.facts, CODE, LINK)
        sms = texts.message(each.template, language, each.facts, CODE, LINK).text
        words = "".join((sms, letter.subject, *letter.paragraphs)).replace(CODE, "").replace(LINK, "")
        assert not any(each.isdigit() for each in words)


def test_money_that_does_not_fit_its_bill_is_told_once_for_each_payment_and_what_reconciliation_finds_is_not() -> None:
    found = example(payments.DiscrepancyFound)

    def keys(**changes: Any) -> set[str]:
        return _keys(found.model_copy(update=changes))

    assert len(keys(kind=None)) == 2
    assert keys(kind=None) == keys(kind="not_as_asked")
    assert not keys() & keys(attempt_id=uuid4())
    assert not keys(kind="amount_differs")
    assert not keys(bill_id=None)
    (letter, sms) = sorted(announced(found), key=lambda each: each.channel)
    words = " ".join(texts.letter(letter.template, "vi", letter.facts, CODE, LINK).paragraphs)
    assert "không khớp" in words
    assert "chưa nộp lại" in words
    assert "khong khop voi khoan phai nop. Can bo dang xu ly, xin chua nop lai." in (
        texts.message(sms.template, "vi", sms.facts, CODE, LINK).text
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("data", ASKED, ids=lambda data: data.TYPE)
def test_every_notice_has_its_words_in_every_language(data: Any, language: Language) -> None:
    for each in announced(data):
        sms = texts.message(each.template, language, each.facts, CODE, LINK)
        assert sms.encoding == "gsm7"
        assert CODE in sms.text
        assert sms.parts == len(split(sms.text, "gsm7")) <= texts.MOST_PARTS
        letter = texts.letter(each.template, language, each.facts, CODE, LINK)
        assert CODE in letter.subject
        assert not any(brace in "".join((letter.subject, *letter.paragraphs, sms.text)) for brace in "{}")


def test_all_wordings_are_asked_for_by_some_event() -> None:
    free = example(dossiers.Submitted, fee_lines=())
    templates = {each.template for data in [*ASKED, free] for each in announced(data)}
    assert {template for template, _ in WORDINGS} == templates
    assert set(WORDINGS) == {(template, language) for template in templates for language in LANGUAGES}


def test_the_notices_say_what_the_citizen_needs() -> None:
    def sms(kind: Any, **changes: Any) -> str:
        (each,) = [each for each in announced(example(kind, **changes)) if each.channel == "sms"]
        return texts.message(each.template, "vi", each.facts, CODE, LINK).text

    due = "2026-06-16T17:00:00+07:00"
    assert sms(dossiers.Submitted, payment_due=due) == (
        f"Ho so {CODE} da duoc gui. Phi, le phi: 135.000 d, han nop 17:00 ngay 16/06/2026. Nop tai {LINK}"
    )
    assert "Bien lai so 2026/00000017" in sms(payments.ReceiptIssued, receipt_number="2026/00000017")
    assert "khong duoc tiep nhan: Anh mo\nXem http" in sms(dossiers.Refused, grounds="Ảnh mờ")
    assert "(se bao sau)" in sms(dossiers.Accepted, step={"due": None})
    fetched = "tien hoan khong ve duoc noi da nop. Xin mang giay to tuy than den bo phan mot cua de nhan."
    assert sms(payments.RefundFailed, amount=None) == f"Ho so {CODE}: {fetched}"
    assert sms(payments.RefundFailed, amount=20_000) == f"Ho so {CODE}: 20.000 d {fetched}"
    until = "2026-07-09T17:00:00+07:00"
    item = {"kind": "field", "path": "details.licence_number", "name": "Số giấy phép", "reason": "Ảnh mờ"}
    asked = sms(dossiers.SupplementRequested, items=[item], until=until)
    assert f"can bo sung truoc 17:00 ngay 09/07/2026: So giay phep: Anh mo. Bo sung tai {LINK}" in asked
    moved = sms(dossiers.Rescheduled, promised=due, reason="Chờ xác minh", step={"result_due": until})
    assert "khong kip tra vao 17:00 ngay 16/06/2026, xin hen lai 17:00 ngay 09/07/2026. Ly do: Cho xac minh" in moved
    assert "EB123456789VN" in sms(dossiers.ResultDispatched, tracking_number="EB123456789VN")
    assert LINK in sms(dossiers.MessagePosted, author="officer")
    lines = example(dossiers.Submitted).model_dump()["fee_lines"]
    fees = sms(dossiers.FeesRequested, amount=50_000, fee_lines=lines, payment_due=until)
    assert "50.000 d, han nop 17:00 ngay 09/07/2026" in fees
    assert sms(dossiers.FeesWithdrawn, amount=50_000, reason="Tính nhầm") == (
        f"Ho so {CODE}: co quan da rut yeu cau nop 50.000 d, khong phai nop nua; tien da nop se duoc hoan. "
        f"Ly do: Tinh nham\n{LINK}"
    )
    ends = {
        "unpaid": "qua han nop phi",
        "withdrawn": "theo yeu cau rut cua Ong/Ba",
        "not_supplemented": "qua han bo sung",
        "agency": "Ly do: Trung don",
    }
    assert all(words in sms(dossiers.Stopped, cause=cause, reason="Trùng đơn") for cause, words in ends.items())
    ways = {"desk": "nhan tai", "post": "gui qua buu chinh", "online": LINK}
    assert all(words in sms(dossiers.Completed, delivery=way) for way, words in ways.items())
    booked = sms(appointments.Booked, place="Trung tâm", address="Số 17", starts_at="2026-06-11T01:30:00Z")
    assert "Moi den Trung tam, So 17, luc 08:30 ngay 11/06/2026" in booked


@given(SPEAKABLE, st.sampled_from(LANGUAGES))
def test_grounds_of_any_length_and_script_fit_two_parts(grounds: str, language: Language) -> None:
    sms = texts.message("refused", language, {"grounds": grounds}, CODE, "https://motcua.example/dossiers/" + CODE)
    assert sms.parts <= 2
    assert CODE in sms.text
    assert sms.parts == len(split(sms.text, sms.encoding))


@given(st.integers(1, 100), st.sampled_from(LANGUAGES))
def test_a_supplement_of_any_size_fits_two_parts_and_is_whole_in_the_letter(count: int, language: Language) -> None:
    item = {"kind": "document", "path": "documents.photo", "name": "Ảnh chân dung", "reason": "Ảnh chụp mờ. " * 70}
    each = announced(example(dossiers.SupplementRequested, items=[item] * count))[0]
    sms = texts.message(each.template, language, each.facts, CODE, LINK)
    assert sms.parts <= 2
    assert LINK in sms.text
    letter = " ".join(texts.letter(each.template, language, each.facts, CODE, LINK).paragraphs)
    assert letter.count("Ảnh chân dung: ") == count


def test_long_grounds_are_cut_on_the_phone_and_whole_in_the_letter() -> None:
    grounds = "Giấy khám sức khỏe đã quá hạn sáu tháng. " * 20
    sms = texts.message("refused", "vi", {"grounds": grounds}, CODE, LINK)
    assert "..." in sms.text
    assert sms.text.endswith(LINK)
    assert " ".join(grounds.split()) in " ".join(
        texts.letter("refused", "vi", {"grounds": grounds}, CODE, LINK).paragraphs
    )


@pytest.mark.parametrize(
    ("template", "facts", "why"),
    [
        ("refused", {}, "grounds is missing"),
        ("refused", {"grounds": " \n "}, "grounds is empty"),
        ("refused", {"grounds": None}, "grounds is empty"),
        ("archived", {"grounds": "x"}, "no wording of archived"),
    ],
)
def test_a_text_with_a_hole_is_refused(template: str, facts: Facts, why: str) -> None:
    for words in (texts.message, texts.letter):
        with pytest.raises(texts.TextError, match=why):
            words(template, "vi", facts, CODE, LINK)


def test_braces_in_a_fact_are_text_and_not_a_pattern() -> None:
    sms = texts.message("refused", "vi", {"grounds": "{link} {0} {x.y}"}, CODE, LINK)
    assert "{link} {0} {x.y}" in sms.text


@given(st.integers(0, 10**12))
def test_money_is_grouped_by_thousands(amount: int) -> None:
    for language in LANGUAGES:
        shown = texts.money(amount, language)
        assert int("".join(filter(str.isdecimal, shown))) == amount
    assert texts.money(135_000, "vi") == "135.000 đ"
    assert texts.money(135_000, "en") == "VND 135,000"


def test_contacts_ask_for_nothing() -> None:
    assert contacts.Updated not in plan.EVENTS
