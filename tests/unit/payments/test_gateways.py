"""Calls go to the gateway that their request names; one that hangs or is ill holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from chassis.calls import Calling
from chassis.clock import utc_now
from chassis.errors import Refusal, Unanswered
from chassis.identifiers import new_id
from services.payments.adapters.breaker import FORGIVEN_SECONDS, TOO_MANY, Breaker
from services.payments.adapters.gateways import AT_ONCE, Gateways
from services.payments.domain.answers import CheckoutCreated, RefundDone, SessionClosed, StillOpen, Truth
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.settings import PaymentsSettings
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.stripe_merchant import signed
from tests.unit.payments.test_breaker import Seconds

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BASE: Mapping[str, Any] = {
    "database_url": "postgresql://x@127.0.0.1/x", "kafka_user": "payments", "kafka_password": "x", "http_port": 8102,
    "oidc_issuer": "http://127.0.0.1:1", "instance": "payments-0", "return_url": "http://127.0.0.1/{code}",
    "gateway_url": "http://127.0.0.1:8201", "gateway_secret_key": "sk", "gateway_webhook_secret": "whsec_1, whsec_2",
}  # fmt: skip
VNPAY = {"vnpay_url": "http://127.0.0.1:8207", "vnpay_terminal": "T", "vnpay_secret": "s"}
BANK = {
    "bank_url": "http://127.0.0.1:8202", "bank_key": "k", "bank_webhook_secret": "w", "bank_bin": "970436",
    "bank_account": "1054321",
}  # fmt: skip
NATIONAL = {
    "national_url": "http://127.0.0.1:8208", "national_partner": "P", "national_secret": "s", "payer_key": KEY,
}  # fmt: skip


def settings(**more: Any) -> PaymentsSettings:
    return PaymentsSettings.model_validate({**BASE, **more})


@dataclass
class Desk:
    """A gateway that answers at once, or when it is let."""

    name: str
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated:
        await self._heard("create")
        return CheckoutCreated(attempt_id=request.attempt_id, session_id=self.name, url="http://127.0.0.1/")

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        await self._heard("ask")
        return StillOpen(attempt_id=request.attempt_id)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        await self._heard("close")
        return SessionClosed(attempt_id=request.attempt_id)

    async def refund(self, request: Refund, calling: Calling) -> RefundDone:
        await self._heard("refund")
        return RefundDone(refund_id=request.refund_id, reference=self.name)

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone:
        await self._heard("ask refund")
        return RefundDone(refund_id=request.refund_id, reference=self.name)

    async def _heard(self, what: str) -> None:
        self.asked.append(what)
        await self.open.wait()


def desks(*names: str) -> list[Desk]:
    opened = [Desk(name) for name in names]
    for desk in opened:
        desk.open.set()
    return opened


def over(*opened: Desk, **more: Any) -> Gateways:
    return Gateways(cast("list[Gateway]", list(opened)), [desk.name for desk in opened], **more)


def question(gateway: str) -> AskCheckout:
    return AskCheckout(gateway=gateway, attempt_id=new_id(), session_id="cs_1")


async def test_each_question_goes_to_the_gateway_that_it_names() -> None:
    stripe, vnpay = desks("stripe", "vnpay")
    gateways, about = over(stripe, vnpay), question("vnpay").model_dump()
    await gateways.ask_checkout(AskCheckout(**about), CALLING)
    await gateways.close_checkout(CloseCheckout(**about), CALLING)
    create = CreateCheckout(
        gateway="vnpay", attempt_id=new_id(), bill_id=new_id(), dossier_code="c", amount=1, description="d",
        closes_at=utc_now() + timedelta(hours=1), return_url="http://127.0.0.1/",
    )  # fmt: skip
    assert isinstance(await gateways.create_checkout(create, CALLING), CheckoutCreated)
    back = Refund(gateway="vnpay", refund_id=new_id(), dossier_code="c", reference="r", amount=1, reason="r")
    done = await gateways.refund(back, CALLING)
    assert done == RefundDone(refund_id=back.refund_id, reference="vnpay")
    await gateways.ask_refund(AskRefund(gateway="vnpay", refund_id=back.refund_id, reference="r"), CALLING)
    assert (vnpay.asked, stripe.asked) == (["ask", "close", "create", "refund", "ask refund"], [])


async def test_a_gateway_without_an_address_is_waited_for() -> None:
    """Its pages may have been made yesterday: nothing is decided about them."""
    with pytest.raises(Unanswered, match="vnpay is not configured"):
        await over(*desks("stripe")).ask_checkout(question("vnpay"), CALLING)


async def test_one_that_hangs_takes_half_of_the_places_and_holds_up_no_other() -> None:
    (stripe,), vnpay = desks("stripe"), Desk("vnpay")
    gateways = over(stripe, vnpay, patience_seconds=0.01)
    hanging = [asyncio.create_task(gateways.ask_checkout(question("vnpay"), CALLING)) for _ in range(3 * AT_ONCE)]
    done, waiting = await asyncio.wait(hanging, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
    while len(waiting) > AT_ONCE:
        more, waiting = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
        done |= more
    assert all(isinstance(task.exception(), Unanswered) for task in done)
    assert len(vnpay.asked) == AT_ONCE
    assert isinstance(await gateways.ask_checkout(question("stripe"), CALLING), StillOpen)
    closing = asyncio.create_task(gateways.close_checkout(CloseCheckout(**question("vnpay").model_dump()), CALLING))
    vnpay.open.set()
    answers = await asyncio.gather(*waiting, closing)
    assert len(answers) == AT_ONCE + 1
    assert isinstance(await gateways.ask_checkout(question("vnpay"), CALLING), StillOpen)


async def test_a_burst_waits_a_moment_for_a_place() -> None:
    (stripe,) = desks("stripe")
    answers = await asyncio.gather(
        *(over(stripe).ask_checkout(question("stripe"), CALLING) for _ in range(20 * AT_ONCE))
    )
    assert len(answers) == 20 * AT_ONCE


def ill(clock: Seconds) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(TOO_MANY):
        breaker.failed()
    return breaker


def test_people_are_sent_where_it_is_preferred_and_answers() -> None:
    clock = Seconds()
    breakers = {"stripe": ill(clock), "vnpay": Breaker(clock), "vietqr": Breaker(clock)}
    gateways = over(*desks("stripe", "vnpay", "vietqr"), breakers=breakers)
    assert gateways.offered() == ("stripe", "vnpay", "vietqr")
    assert gateways.choose(None) == ["vnpay", "vietqr", "stripe"]
    clock.now += FORGIVEN_SECONDS
    assert gateways.choose(None) == ["stripe", "vnpay", "vietqr"]


def test_a_payer_gets_the_gateway_that_he_wants_and_no_other() -> None:
    clock = Seconds()
    gateways = over(*desks("stripe", "vnpay"), breakers={"stripe": Breaker(clock), "vnpay": ill(clock)})
    assert gateways.choose("vnpay") == ["vnpay"]
    with pytest.raises(Refusal) as refusal:
        gateways.choose("national")
    assert (refusal.value.code, refusal.value.status) == ("gateway_not_offered", 422)
    assert "stripe, vnpay" in refusal.value.vi


def test_one_that_asks_for_the_payer_is_not_chosen_by_itself_without_him() -> None:
    gateways = over(*desks("national", "stripe"))
    assert gateways.choose(None) == ["stripe"]
    assert gateways.choose(None, has_payer=True) == ["national", "stripe"]
    assert gateways.choose("national") == ["national"]


def test_only_those_with_an_address_are_offered_in_the_order_of_the_configuration() -> None:
    assert Gateways.from_settings(settings()).offered() == ("stripe",)
    every = settings(**VNPAY, **BANK, **NATIONAL, gateways=" national, vietqr,stripe ,vnpay")
    assert Gateways.from_settings(every).offered() == ("national", "vietqr", "stripe", "vnpay")
    assert set(Gateways.from_settings(every).by_name) == set(GATEWAYS)


def test_one_that_is_no_longer_offered_is_still_asked_about() -> None:
    gateways = Gateways.from_settings(settings(**VNPAY, gateways="stripe"))
    assert gateways.offered() == ("stripe",)
    assert set(gateways.by_name) == {"stripe", "vnpay"}


def test_half_of_a_configuration_is_refused_with_all_that_is_missing() -> None:
    with pytest.raises(ValueError, match="MOTCUA_VNPAY_URL is set: set MOTCUA_VNPAY_TERMINAL, MOTCUA_VNPAY_SECRET too"):
        Gateways.from_settings(settings(vnpay_url="http://127.0.0.1:8207"))
    with pytest.raises(ValueError, match="MOTCUA_PAYER_KEY"):
        Gateways.from_settings(settings(**NATIONAL | {"payer_key": None}))
    with pytest.raises(ValueError, match="MOTCUA_GATEWAYS names momo, zalopay; known are stripe, vnpay"):
        Gateways.from_settings(settings(gateways="stripe,zalopay,momo"))


def test_either_of_two_secrets_signs_while_one_is_replaced() -> None:
    stripe, now, body = Gateways.from_settings(settings()).by_name["stripe"], utc_now(), b'{"id":"evt_1","type":"x"}'
    for secret in ("whsec_1", "whsec_2"):
        headers = {"stripe-signature": signed(body, secret, int(now.timestamp()))}
        assert stripe.hear(body, headers, now).event_id == "evt_1"
    with pytest.raises(Refusal):
        stripe.hear(body, {"stripe-signature": signed(body, "whsec_3", int(now.timestamp()))}, now)


async def test_whoever_watches_sees_who_is_ill_and_how_many_calls_wait() -> None:
    clock, vnpay = Seconds(), Desk("vnpay")
    gateways = over(*desks("stripe"), vnpay, breakers={"stripe": Breaker(clock), "vnpay": ill(clock)})
    registry = CollectorRegistry()
    registry.register(gateways.health)
    task = asyncio.create_task(gateways.ask_checkout(question("vnpay"), CALLING))
    async with asyncio.timeout(5):
        while not vnpay.asked:
            await asyncio.sleep(0)
    told = generate_latest(registry).decode()
    assert 'motcua_gateway_healthy{gateway="stripe"} 1.0' in told
    assert 'motcua_gateway_healthy{gateway="vnpay"} 0.0' in told
    assert 'motcua_gateway_calls_in_flight{gateway="vnpay",kind="AskCheckout"} 1.0' in told
    vnpay.open.set()
    await task
    assert 'kind="AskCheckout"} 0.0' in generate_latest(registry).decode()
