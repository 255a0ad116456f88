"""The faults that the platform can be told to show (`/_control/faults`), and those that befall a request.

`match` narrows a fault. Requests are compared as "POST /payment/init": without `match` only those under /payment are hit.
Payments and what is told of them are compared by their reference.
"""

from __future__ import annotations

FAULTS = {
    "timeout_before": "the request has no effect and is never answered (with delay_seconds: cut off after them)",
    "timeout_after_charge": "the request has its effect and is never answered (with delay_seconds: cut off after them)",
    "storm_500": "the request has no effect and is answered with 500",
    "slow": "the request is carried out delay_seconds (1 when 0) later",
    "not_an_answer": "the request has its effect; a proxy's page comes instead of the answer, with 200",
    "unknown_code": "the request has no effect and is answered with a MaLoi that nobody has documented",
    "answer_wrapped": "the answer comes as text in `message` of a province's gateway, beside its `error_code` 0",
    "answer_zero": 'the request has its effect; its answer says MaLoi "0" where "00" is meant',
    "answer_number": 'the request has its effect; its answer says MaLoi 0, a number, where "00" is meant',
    "twelve_hours": "what is told of a payment has its time in twelve hours, without saying which half of the day",
    "unknown_for_a_while": "QUERY tells 3 until delay_seconds (2 when 0) after the payment",
    "notice_lost": "the CONFIRM is never sent",
    "notice_duplicated": "the CONFIRM is sent a second time, after it was accepted",
    "notice_forged": "besides the CONFIRM a copy with ten times the amount is sent once, signed with a wrong secret",
    "notice_badly_signed": "the CONFIRM is wrongly signed the first time, rightly when it is sent again",
    "notice_other_amount": "the CONFIRM, truly signed, tells ten times the amount that QUERY tells",
    "notice_before_response": "at INIT the page is paid at once, and its CONFIRM sent before INIT is answered",
    "unknown_payment": "besides what is paid, a payment that nobody asked for is told, truly signed",
    "wrong_amount": "the payment takes a tenth of the amount, and says so everywhere",
    "wrong_currency": "the payment is taken in USD, and says so everywhere",
    "pending_forever": "the money is taken from the payer; QUERY tells 3 for ever and no CONFIRM is sent",
    "failed_then_captured": "the payment fails, and is taken after all delay_seconds (2 when 0) later",
    "bill_not_ready": "GET_BILL says that the receipt is not ready yet",
    "bill_json": "GET_BILL answers JSON where the server is set to PDF",
}
