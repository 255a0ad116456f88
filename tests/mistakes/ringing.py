"""Mistakes with webhooks; no model has them."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_DOOR, _STORE = "services/payments/webhooks.py", "services/payments/store/rings.py"
_RINGS, _DOORS = "tests/integration/test_payments_rings.py::", "tests/integration/test_payments_door.py::"
_KEPT = "        kept = await work.write_together(Heard(name, ring, attempt_of(body)), rings.keep)\n"

RINGING = (
    Mistake(
        ("Failure/answered-before-kept",),
        (
            Edit(_DOOR, "from uuid import UUID\n", "from uuid import UUID\nimport asyncio\n"),
            Edit(
                _DOOR,
                _KEPT,
                "        asyncio.ensure_future(work.write_together(Heard(name, ring, attempt_of(body)), rings.keep))\n"
                "        kept = Kept(True, None, False)\n",
            ),
        ),
        (f"{_DOORS}test_while_the_database_is_away_the_gateway_is_asked_to_ring_again",),
        "assert 200 == 503",
    ),
    Mistake(
        ("Failure/done-when-claimed",),
        (
            Edit(
                _STORE, "update ring set lease = $1,", "update ring set outcome = 'done', done_at = now(), lease = $1,"
            ),
        ),
        (
            f"{_RINGS}test_a_webhook_is_answered_while_its_bill_cannot_be_decided_on",
            f"{_RINGS}test_what_was_answered_is_taken_in_by_the_next_process_when_this_one_is_killed",
        ),
        r"assert \('done', ",
    ),
    Mistake(
        ("Failure/copies-are-errors",),
        (Edit(_STORE, "    on conflict do nothing returning gateway", "    returning gateway"),),
        (f"{_DOORS}test_copies_are_answered_like_the_first_and_counted",),
        "answered 500: ",
    ),
    Mistake(
        ("Failure/waits-for-a-busy-bill",),
        (Edit(_STORE, "order by key for update skip locked", "order by key for update"),),
        (f"{_RINGS}test_a_bill_that_somebody_is_at_holds_up_no_other",),
        "the ring is not put off",
    ),
)
