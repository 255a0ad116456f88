"""The nine failures of the open-source system that was built for this: each protection taken away."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_NINE = "tests/integration/test_nine_failures.py::test_"
_SIGNATURES, _MONEY = "services/payments/adapters/timed_signature.py", "services/payments/domain/money.py"
_PAYING, _SUPPLEMENT = "services/intake/domain/paying.py", "services/intake/domain/supplement.py"
_DOSSIER, _MOVES = "services/intake/domain/dossier.py", "services/intake/domain/moves.py"
_CODES, _NOTICES = "services/intake/store/dossiers.py", "services/notifications/store.py"
_CALLS, _ONCE = "chassis/calls.py", "chassis/once.py"

_DRAWN = "    return int(await connection.fetchval(_NEXT, agency, day, count))\n"
_READ_THEN_WRITTEN = """\
    read = "select last from code_counter where agency = $1 and day = $2"
    last = (await connection.fetchval(read, agency, day) or 0) + count
    await connection.execute(_NEXT.replace("code_counter.last + excluded.last", "excluded.last"), agency, day, last)
    return int(last)
"""
_DELETED = (
    "with tries as (delete from sending using notice n where n.notice_id = sending.notice_id and n.state = 'delivered' "
    "and $1::jsonb is not null) delete from notice where state = 'delivered'"
)
_REFUSES = "        Move(_NEW, Refuse, Status.NOT_ACCEPTED, dossiers.Refused),\n"

FAILURES = (
    Mistake(
        ("Failure/signature-not-compared",),
        (
            Edit(
                _SIGNATURES,
                "    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):\n",
                "    if not given or not expected:\n",
            ),
        ),
        (f"{_NINE}1_a_callback_with_a_forged_signature_is_refused_and_settles_nothing",),
        r"assert \[200, 200, 200, 400\] ==",
    ),
    Mistake(
        ("Failure/amount-ignored",),
        (
            Edit(
                _MONEY,
                "    if capture.currency != bill.currency or not _is_what_was_asked(bill, capture):\n",
                "    if False:\n",
            ),
        ),
        (f"{_NINE}1_money_of_another_amount_settles_nothing_and_is_told_apart",),
        "never discrepancy-found",
    ),
    Mistake(
        ("Failure/callback-counted-twice",),
        (Edit(_MONEY, "    if message.money_id in bill.taken:\n        return None\n", ""),),
        ("tests/unit/payments/test_money.py::test_the_same_money_seen_twice_is_taken_in_once",),
        "is None",
        "In the database the ledger's primary key takes the second posting for what it is.",
    ),
    Mistake(
        ("Failure/paid-and-stuck",),
        (
            Edit(
                _PAYING,
                "    if not _awaits(dossier, event.data.request_id):\n        return None\n    on, timers",
                "    on, timers",
            ),
        ),
        (f"{_NINE}2_what_is_paid_is_not_stuck_however_often_that_is_told",),
        "assert 2 == 0",
    ),
    Mistake(
        ("Failure/numbers-read-then-written",),
        (Edit(_CODES, _DRAWN, _READ_THEN_WRITTEN),),
        (f"{_NINE}3_fifty_that_file_at_once_in_two_processes_get_fifty_numbers",),
        r"assert .*409.* == \{201\}",
    ),
    Mistake(
        ("Failure/supplement-changes-the-code",),
        (
            Edit(
                _SUPPLEMENT,
                "        update=refiled(message.form)\n",
                '        update={**refiled(message.form), "code": f"{dossier.code}-BS"}\n',
            ),
        ),
        (f"{_NINE}4_a_code_neither_changes_nor_vanishes_with_a_supplement",),
        r'"code":"G09[^"]*-BS"',
    ),
    Mistake(
        ("Failure/filed-twice",),
        (
            Edit(
                _ONCE,
                '    return {(row["client"], row["key"]) for row in rows}\n',
                "    return {each.name for each in asked if rows is not None}\n",
            ),
        ),
        (f"{_NINE}5_a_form_that_is_sent_again_is_filed_once",),
        r"assert \[\(201, 'G09",
    ),
    Mistake(
        ("Failure/no-pause-between-tries",),
        (Edit(_CALLS, 'min(0.5 * 2 ** min(row["tries"], 10), _LONGEST_PAUSE)', "0.0"),),
        (f"{_NINE}6_one_that_fails_is_tried_later_and_later_holds_up_no_other_and_nothing_is_sent_again",),
        r"assert .* > 1\.0",
    ),
    Mistake(
        ("Failure/sent-notices-deleted",),
        (Edit(_NOTICES, "    save=(_SAVE_NOTICE,),\n", f'    save=(_SAVE_NOTICE, "{_DELETED}"),\n'),),
        (f"{_NINE}7_a_notice_that_was_sent_stays_with_what_became_of_it",),
        r"assert set\(\) == \{'delivered'\}",
    ),
    Mistake(
        ("Failure/nobody-has-it",),
        (
            Edit(
                _DOSSIER,
                "            department=self.department,\n            officer",
                '            department="",\n            officer',
            ),
        ),
        (f"{_NINE}8_at_every_step_it_is_told_who_has_the_dossier_and_since_when",),
        "assert ''",
    ),
    Mistake(
        ("Failure/since-for-ever",),
        (Edit(_DOSSIER, "            since=self.since,\n", "            since=self.submitted_at,\n"),),
        (f"{_NINE}8_at_every_step_it_is_told_who_has_the_dossier_and_since_when",),
        "assert 1 == 7",
    ),
    Mistake(
        ("Failure/supplement-and-refusal",),
        (
            Edit(
                _MOVES,
                _REFUSES,
                _REFUSES + "        Move(_SUPPLEMENT, Refuse, Status.NOT_ACCEPTED, dossiers.Refused),\n",
            ),
        ),
        (f"{_NINE}7_a_citizen_is_never_told_of_a_supplement_and_of_a_refusal_together",),
        r"\(200, 'G09",
    ),
    Mistake(
        ("Failure/refused-goes-on",),
        (Edit(_MOVES, _REFUSES, _REFUSES + "        Move(Status.NOT_ACCEPTED, Accept, _IN, dossiers.Accepted),\n"),),
        (f"{_NINE}9_a_refused_dossier_is_shown_closed_and_takes_nothing_more",),
        r"\(200, 'G09",
    ),
)
