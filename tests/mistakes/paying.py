"""Mistakes with other people's money."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_STRIPE, _CHECKOUT = "services/payments/adapters/stripe.py", "services/payments/domain/checkout.py"
_MONEY, _STORE = "services/payments/domain/money.py", "services/payments/store/bills.py"
_ENDING = "services/payments/domain/ending.py"
_CHECKOUTS = "tests/integration/test_payments_checkout.py::"
_WEBHOOKS = "tests/integration/test_payments_webhooks.py::"
_PAGES = "tests/integration/test_payments_pages.py::"
_LOST_ANSWER = f"{_CHECKOUTS}test_a_lost_answer_is_asked_for_again_and_makes_one_page[timeout_after_charge]"
_REFUND = f"{_CHECKOUTS}test_a_refused_dossier_gets_back_what_may_be_returned[4242424242424242]"

_HTTP = "services/payments/adapters/stripe_http.py"
_CREATE = (
    '        answer = await self._api.post("/v1/checkout/sessions", _form(request), str(request.attempt_id), Page)\n'
)
_SEND_BACK = '            answer = await self._api.post("/v1/refunds", _refund_form(request), str(request.refund_id), Returned)\n'
_EXPIRE = '    return _closing_or_ended(bill, BillExpiry, "expiring", "expired", now)\n'
_TAKEN_IN = """\
    if message.money_id in bill.taken:
        return None
"""

PAYING = (
    Mistake(
        ("Payment/lost-is-failed", "Payment/lost-pays-twice"),
        (
            Edit(
                _STRIPE,
                _CREATE,
                f"""\
        try:
    {_CREATE}\
        except Unanswered:
            return CheckoutRefused(attempt_id=request.attempt_id, reason="silence")
""",
            ),
        ),
        (_LOST_ANSWER,),
        '"code":"gateway_refuses"',
    ),
    Mistake(
        ("Payment/not-found-failed",),
        (
            Edit(_HTTP, "in (200, 400, 402))", "in (200, 400, 402, 404))"),
            Edit(
                _HTTP,
                "        if answer.told is None:\n            raise Unanswered",
                '        if answer.status == 404:\n            return read(shape, {"id": "", "url": None, "status": "expired", '
                '"payment_status": "unpaid", "amount_total": 0, "currency": "vnd", "payment_intent": None})\n'
                "        if answer.told is None:\n            raise Unanswered",
            ),
        ),
        (f"{_PAGES}test_a_page_that_the_gateway_does_not_know_is_not_closed",),
        "assert 'open' == 'in_checkout'",
    ),
    Mistake(
        ("Payment/new-create-key",),
        (
            Edit(
                _STRIPE, _CREATE, _CREATE.replace("str(request.attempt_id)", 'f"{request.attempt_id}-{calling.tries}"')
            ),
        ),
        (_LOST_ANSWER,),
        r"where 2 = len\(\[\{'id': 'cs_test_",
    ),
    Mistake(
        ("Payment/two-tabs-unlocked",),
        (
            Edit(_STORE, "order by key for update", "order by key"),
            Edit(_STORE, '\n        where bill.version = excluded.version - 1"""', '"""'),
        ),
        (f"{_PAGES}test_two_tabs_that_decide_at_the_same_moment_get_one_page",),
        r"where 2 = len\(\(\{'http",
        "Without the lock alone, the version would send the second tab back to look again.",
    ),
    Mistake(
        ("Payment/ask-then-expire",),
        (
            Edit(
                _STRIPE,
                '        await self._api.post(f"/v1/checkout/sessions/{request.session_id}/expire", {}, None, Page)\n',
                "",
            ),
            Edit(
                _STRIPE,
                '            raise Unanswered("the page is not closed yet")\n',
                "            return SessionClosed(attempt_id=request.attempt_id)\n",
            ),
        ),
        (f"{_CHECKOUTS}test_an_unpaid_bill_expires_only_after_its_page_is_closed",),
        "assert 'open' == 'expired'",
    ),
    Mistake(
        ("Payment/blind-expiry",),
        (
            Edit(
                _ENDING,
                _EXPIRE,
                '    return ended_unpaid(to(without_page(bill), BillExpiry, "expired"), now)\n',
            ),
        ),
        (f"{_CHECKOUTS}test_a_payment_at_the_last_moment_wins_over_expiry",),
        "the bill stays expired, and does not come to paid",
    ),
    Mistake(
        ("Payment/no-janitor",),
        (
            Edit(
                _CHECKOUT,
                "        timers = (At(now + SILENCE, AttemptSilence()),)\n",
                "        timers = ()\n",
            ),
        ),
        (f"{_WEBHOOKS}test_when_all_webhooks_are_lost_silence_is_asked_about",),
        "told: opened, started; never failed",
    ),
    Mistake(
        ("Payment/failed-is-final",),
        (
            Edit(
                _MONEY,
                _TAKEN_IN,
                _TAKEN_IN + "    if bill.attempt is None or bill.attempt.attempt_id != message.attempt_id:\n"
                "        return None\n",
            ),
        ),
        (f"{_WEBHOOKS}test_money_on_a_page_long_closed_is_heard_of_and_returned",),
        r"the refunds stay \[\], and do not come to \['done'\]",
    ),
    Mistake(
        ("Payment/trust-failed-hook",),
        (Edit(_STRIPE, 'failed_later = page.status == "complete" and status in', "failed_later = status in"),),
        (f"{_PAGES}test_after_a_declined_card_the_button_leads_to_the_same_page",),
        r"assert 'http://.*' == 'http://",
    ),
    Mistake(
        ("Payment/blind-write",),
        (Edit(_MONEY, _TAKEN_IN, ""),),
        ("tests/unit/payments/test_money.py::test_the_same_money_seen_twice_is_taken_in_once",),
        "is None",
        "In the database the ledger's primary key takes the second posting for what it is.",
    ),
    Mistake(
        ("Payment/refunds-unlocked",),
        (
            Edit(_STORE, "order by key for update", "order by key"),
            Edit(_STORE, '\n        where bill.version = excluded.version - 1"""', '"""'),
        ),
        ("tests/integration/test_payments_officers.py::test_of_two_refunds_at_once_one_hears_what_is_available",),
        r"\[201, 201, ",
    ),
    Mistake(
        ("Payment/new-refund-key",),
        (
            Edit(
                _STRIPE,
                _SEND_BACK,
                _SEND_BACK.replace("str(request.refund_id)", 'f"{request.refund_id}-{calling.tries}"'),
            ),
            Edit(_STRIPE, "        refund = await self._refund_of(request)\n", "        refund = None\n"),
        ),
        (_REFUND,),
        r"one more item: \('refund', -20000\)",
        "The adapter also looks before it sends: it must stop doing that too.",
    ),
    Mistake(
        ("Payment/refund-lost-is-no",),
        (
            Edit(
                _STRIPE,
                _SEND_BACK,
                f"""\
            try:
    {_SEND_BACK}\
            except Unanswered:
                return RefundRefused(refund_id=request.refund_id, reason="silence")
""",
            ),
        ),
        (_REFUND,),
        r"the refunds stay \['refused'\], and do not come to \['done'\]",
    ),
)
