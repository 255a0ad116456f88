"""Mistakes with what is kept, sent back, receipted and written into the ledger; no model has them."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_DOMAIN = "services/payments/domain"
_IN, _BACK = "tests/unit/payments/test_money.py::", "tests/unit/payments/test_refunds.py::"
_PAYING, _TAKEN_BACK = "services/intake/domain/paying.py", "tests/unit/intake/test_fees_withdrawn.py::"
_VOID = "tests/unit/payments/test_take_back.py::"
_RECORDS = "tests/integration/test_payments_records.py::"
_ELSEWHERE = """\
    con = getattr(connection, "_con", connection)
    host, port = con._addr
    told = con._params
    own = await asyncpg.connect(host=host, port=port, user=told.user, password=told.password, database=told.database)
    rows = await own.fetch("""

MONEY = (
    Mistake(
        ("Failure/refund-available-unchecked",),
        (Edit(f"{_DOMAIN}/requesting.py", "    if message.available != total:\n", "    if False:\n"),),
        (f"{_BACK}test_whoever_believes_in_another_amount_is_told_what_is_available",),
        "DID NOT RAISE",
    ),
    Mistake(
        ("Failure/line-refunded-twice",),
        (
            Edit(
                f"{_DOMAIN}/requesting.py",
                "            left[line.code] -= line.amount\n",
                "            pass\n",
            ),
        ),
        (f"{_BACK}test_an_ending_returns_what_an_officer_has_not_sent_back_before",),
        "== 20000",
    ),
    Mistake(
        ("Failure/another-bill-settles",),
        (
            Edit(
                _PAYING,
                "    return _awaits_fees(dossier) and (request_id is None or",
                "    return _awaits_fees(dossier) and (True or request_id is None or",
            ),
        ),
        (f"{_TAKEN_BACK}test_money_or_its_absence_for_another_request_than_the_awaited_one_changes_nothing",),
        r"assert Decision\(state=Dossier",
    ),
    Mistake(
        ("Failure/taken-back-but-kept",),
        (
            Edit(
                f"{_DOMAIN}/ending.py",
                'rút yêu cầu nộp phí", unreturned(bill), now',
                'rút yêu cầu nộp phí", available(bill, None), now',
            ),
        ),
        (f"{_VOID}test_what_was_paid_meanwhile_goes_back_whole_though_its_circular_returns_only_a_part",),
        "20000 == 135000",
    ),
    Mistake(
        ("Failure/taken-back-with-another",),
        (
            Edit(
                f"{_DOMAIN}/ending.py",
                "    if bill is None or bill.request_id != event.data.request_id:\n",
                "    if bill is None:\n",
            ),
        ),
        (f"{_VOID}test_other_bills_of_the_dossier_are_left_alone",),
        r"assert Decision\(state=Bill",
    ),
    Mistake(
        ("Failure/excess-kept",),
        (
            Edit(
                f"{_DOMAIN}/money.py",
                "    if not excess:\n        return decided\n",
                "    if excess >= 0:\n        return decided\n",
            ),
        ),
        (f"{_IN}test_a_part_is_no_reason_to_take_a_page_away_that_asked_for_all",),
        r"\('paid', \[\]\) == \('paid', \[\('ready', 35000\)\]\)",
    ),
    Mistake(
        ("Failure/part-taken-as-whole",),
        (
            Edit(f"{_DOMAIN}/money.py", "    if capture.amount < bill.outstanding:\n", "    if False:\n"),
            Edit(f"{_DOMAIN}/money.py", "    if not excess:\n", "    if excess <= 0:\n"),
        ),
        (f"{_IN}test_a_part_is_kept_and_the_rest_stays_due",),
        "isinstance.*PartlyPaid",
    ),
    Mistake(
        ("Failure/hearsay-believed",),
        (
            Edit(
                f"{_DOMAIN}/money.py",
                "    if message.heard_only and not _is_expected(bill, message, now):\n",
                "    if False:\n",
            ),
        ),
        (f"{_IN}test_a_webhook_that_says_other_than_the_page_asks_for_only_makes_us_ask",),
        "not enough values to unpack",
        "Nothing is asked: the difference is taken for true.",
    ),
    Mistake(
        ("Failure/page-forgotten",),
        (
            Edit(
                f"{_DOMAIN}/pages.py",
                '    return bill.model_copy(update={"attempt": None, "past": (*bill.past, left)})\n',
                '    return bill.model_copy(update={"attempt": None})\n',
            ),
            Edit(f"{_DOMAIN}/pages.py", '    left = bill.attempt.model_copy(update={"closed": closed})\n', ""),
        ),
        ("tests/unit/payments/test_bill.py::test_a_page_that_never_closes_is_left_alone_at_once",),
        r"assert \[\] == \[",
    ),
    Mistake(
        ("Failure/receipt-outside-the-transaction",),
        (
            Edit("chassis/series.py", "    rows = await connection.fetch(", _ELSEWHERE),
            Edit(
                "chassis/series.py",
                "from collections import Counter\n",
                "import asyncpg\nfrom collections import Counter\n",
            ),
        ),
        (f"{_RECORDS}test_money_that_is_not_taken_in_uses_no_receipt_number",),
        r"assert \d+ == \(",
        "The number of the money that was rolled back is lost.",
    ),
    Mistake(
        ("Failure/ledger-entry-updatable",),
        (
            Edit(
                "services/payments/migrations/0001_bills.sql",
                "revoke update, delete on ledger_entry from payments;\n",
                "",
            ),
        ),
        (f"{_RECORDS}test_the_service_itself_can_change_or_remove_no_entry_and_no_receipt",),
        "DID NOT RAISE",
    ),
    Mistake(
        ("Failure/unbalanced-taken",),
        (
            Edit(
                "services/payments/migrations/0003_money_back_and_forth.sql",
                "create trigger ledger_balances after insert on ledger_entry\n"
                "    referencing new table as added for each statement execute function ledger_balances();\n",
                "",
            ),
        ),
        (f"{_RECORDS}test_an_unbalanced_transaction_fails_at_its_statement",),
        "DID NOT RAISE",
    ),
    Mistake(
        ("Failure/nothing-healed",),
        (
            Edit(
                f"{_DOMAIN}/reconciling.py",
                "    if row.posted:\n        return None\n    match row.kind:\n",
                "    if row:\n        return None\n    match row.kind:\n",
            ),
        ),
        ("tests/integration/test_payments_every_dong.py::test_every_dong_is_in_the_ledger",),
        r"assert --\d+ == \d+",
        "All of it is in the ledger: in suspense.",
    ),
    Mistake(
        ("Failure/notice-swallowed",),
        (
            Edit(
                f"{_DOMAIN}/hearing.py",
                "    if here or not tells_in_notices_only(money.gateway) or (attempt is not None and not is_taken):\n",
                '    if is_taken:\n        return "settled"\n'
                "    if here or not tells_in_notices_only(money.gateway) or (attempt is not None and not is_taken):\n",
            ),
        ),
        (
            "tests/integration/test_payments_notices.py::"
            "test_a_second_payment_on_one_page_is_raised_also_when_both_notices_come_at_once",
        ),
        r"\['done', 'done'\] == \['done', 'raised'\]",
    ),
)
