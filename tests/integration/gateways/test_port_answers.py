"""What is no definite answer, whichever gateway is asked: whatever stands in its place decides nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chassis.clock import utc_now
from chassis.errors import Unanswered
from services.payments.domain.answers import Captured, CheckoutCreated
from services.payments.domain.gateway import Gateway
from services.payments.domain.questions import AskRefund
from tests.integration.gateways.asking import CALLING, http, saying
from tests.integration.gateways.claims import earlier, made
from tests.integration.gateways.merchant import AMOUNT, Merchant, about, closing, known, return_of

NO_ANSWER = {
    "a proxy's page": http("200 OK", "<html><body>Hệ thống đang bảo trì</body></html>", "text/html"),
    "a proxy's trouble": http("502 Bad Gateway", "<html>Bad Gateway</html>", "text/html"),
    "trouble": http("500 Internal Server Error", '{"error":"trouble"}'),
    "too much": http("429 Too Many Requests", '{"error":"slow down"}'),
    "not found": http("404 Not Found", '{"error":"not found"}'),
    "a refusal by nobody": http("400 Bad Request", '{"message":"bad request"}'),
    "a redirect": http("302 Found", "", "text/html", "Location: http://127.0.0.1:9/"),
    "an empty object": http("200 OK", "{}"),
    "a list": http("200 OK", "[]"),
    "null": http("200 OK", "null"),
    "a number": http("200 OK", "7"),
    "nothing": http("200 OK", ""),
    "half of it": http("200 OK", '{"status":"paid"}')[:-3],
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "a closed door": b"",
    "silence": None,
}
PATIENCE_SECONDS, IMPATIENCE_SECONDS = 5.0, 0.1


async def asks_everything(gateway: Gateway, merchant: Merchant) -> None:
    """Whatever is asked of this gateway is Unanswered, and no more than that."""
    request = earlier(merchant)
    page = CheckoutCreated(attempt_id=request.attempt_id, session_id="none", url="http://127.0.0.1:9/")
    if merchant.create_lost is not None:
        with pytest.raises(Unanswered):
            await gateway.create_checkout(request, CALLING)
    else:
        page = await made(merchant, request)
    with pytest.raises(Unanswered):
        await gateway.ask_checkout(about(request, page), CALLING)
    if merchant.manner.closes != "never":
        with pytest.raises(Unanswered):
            await gateway.close_checkout(closing(request, page), CALLING)
    if merchant.manner.refundable is not None:
        money = Captured(
            attempt_id=request.attempt_id, amount=AMOUNT, currency="VND", reference="12345678", paid_at=utc_now()
        )
        refund = return_of(request, page, money, AMOUNT)
        with pytest.raises(Unanswered):
            await gateway.refund(refund, CALLING)
        question = AskRefund(gateway=gateway.name, refund_id=refund.refund_id, reference=str(refund.refund_id))
        with pytest.raises(Unanswered):
            await gateway.ask_refund(question, CALLING)
    now = utc_now()
    with pytest.raises(Unanswered):
        [page async for page in gateway.movements(now - timedelta(hours=1), now, [known(request, page)])]


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_the_gateway_did_not_say_definitely_is_no_answer(merchant: Merchant, answer: bytes | None) -> None:
    seconds = IMPATIENCE_SECONDS if answer is None else PATIENCE_SECONDS
    async with saying(answer) as url:
        await asks_everything(merchant.at(url, seconds), merchant)


async def test_nobody_there_is_no_answer(merchant: Merchant) -> None:
    async with saying(b"") as url:
        pass
    await asks_everything(merchant.at(url, PATIENCE_SECONDS), merchant)
