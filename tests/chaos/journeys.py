"""Whole journeys of dossiers, of several kinds, and what each has been promised on its way."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from motcua.actors import DECLINED, GOOD, licence_form
from tests.chaos.log import Log
from tests.chaos.people import JourneyFailed, People
from tests.chaos.stack import Stack

CITIZENS = ("anh", "duc", "huong", "khoi", "yen")
DESK, HANDLER = "lan.motcua", "son.banglai"
SETTLES_LATER, FAILS_LATER = "4000007040000009", "4000007040000017"
REFUND_LATER, REFUND_FAILS = "4000000000007726", "4000000000005126"
# The final codes: refused, stopped, returned.
REFUSED, STOPPED, RETURNED = 3, 8, 10
EXPIRE_NOW = "update timer set due_at = now() where aggregate = 'bill' and kind = 'BillExpiry' and key = $1"


@dataclass
class Journey:
    """One dossier's way.

    `accepted` lists the events that HTTP has promised by accepting a command; `ends` the status codes in which it may
    end; `failure` says why it did not.
    """

    number: int
    kind: str
    who: str
    key: str
    chance: random.Random
    code: str = ""
    accepted: list[str] = field(default_factory=list)
    ends: tuple[int, ...] = (RETURNED,)
    ended: bool = False
    failure: str = ""


def planned(seed: int, count: int) -> list[Journey]:
    """The journeys that this seed chooses, of every kind in turn."""
    chance = random.Random(f"journeys {seed}")
    kinds = list(KINDS)
    return [
        Journey(
            number,
            kinds[number % len(kinds)],
            chance.choice(CITIZENS),
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            random.Random(chance.getrandbits(64)),
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class Walk:
    """What a journey needs to be walked."""

    stack: Stack
    log: Log
    people: People

    async def whole(self, journey: Journey, seconds: float) -> None:
        """Walk it to its end, or write down why that could not be done within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await KINDS[journey.kind](self, journey)
            journey.ended = True
        except TimeoutError:
            journey.failure = f"no end within {seconds:.0f} s"
        except JourneyFailed as error:
            journey.failure = str(error)

    async def file(self, journey: Journey) -> None:
        """File the form; an impatient citizen presses the button twice."""
        asked = [
            self.people.good(
                journey.who,
                "POST",
                "intake",
                "/dossiers",
                json=licence_form(journey.who),
                headers={"Idempotency-Key": journey.key},
            )
            for _ in range(journey.chance.choice((1, 1, 2)))
        ]
        answers = await asyncio.gather(*asked)
        journey.code = answers[0]["code"]
        journey.accepted += ["dossier.submitted", "dossier.fees-requested"]
        if any(answer != answers[0] for answer in answers):
            raise JourneyFailed(f"one request, two answers: {answers}")

    async def page(self, journey: Journey) -> str:
        """The gateway's page for the dossier's bill."""
        await self.log.event(journey.code, "payment.opened")
        bill = await self.people.good(journey.who, "GET", "payments", f"/dossiers/{journey.code}/bill")
        while True:
            path = f"/payments/{bill['bill_id']}/checkout"
            view = await self.people.good(journey.who, "POST", "payments", path)
            if view["url"]:
                return str(view["url"])
            await asyncio.sleep(0.5)

    async def card(self, url: str, number: str) -> int:
        """Type a card and press the button, again when nothing comes back; 303 paid, 402 declined, 410 too late."""
        form = {"card_number": number, "card_expiry": "12/34", "card_cvc": "123"}
        return (await self.people.persist("POST", url, data=form)).status_code

    async def pay(self, journey: Journey, number: str = GOOD) -> None:
        """Pay, until the dossier is back at the desk."""
        status = await self.card(await self.page(journey), number)
        if status != 303:
            raise JourneyFailed(f"the page answers {status}")
        await self.log.event(journey.code, "dossier.fees-settled")

    async def decide(self, journey: Journey, officer: str, what: str, event: str, body: Any, status: int) -> None:
        """An officer's command; when its answer was lost, the dossier itself tells that it was carried out."""
        path = f"/dossiers/{journey.code}"
        answer = await self.people.ask(officer, "POST", "intake", f"{path}/{what}", json=body)
        if answer.status_code >= 400:
            found = await self.people.good(officer, "GET", "intake", path)
            if found["status"] != status:
                raise JourneyFailed(f"{what}: {answer.status_code}, and the status is {found['status']}")
        journey.accepted.append(event)

    async def through_the_desk(self, journey: Journey) -> None:
        """From acceptance over the appointment to the returned result."""
        await self.decide(journey, DESK, "accept", "dossier.accepted", {}, 2)
        await self.log.event(journey.code, "appointment.booked")
        path = f"/dossiers/{journey.code}/appointment/attended"
        await self.people.good(DESK, "POST", "notifications", path)
        journey.accepted.append("appointment.attended")
        await self.decide(journey, HANDLER, "process", "dossier.processing-started", {}, 4)
        result = {"result_number": "010190012345"}
        await self.decide(journey, HANDLER, "complete", "dossier.completed", result, 9)
        await self.decide(journey, DESK, "return", "dossier.returned", {"delivery": "tại quầy"}, RETURNED)

    async def refuse(self, journey: Journey, refund: str) -> None:
        """Refused at the desk: the fee goes back."""
        journey.ends = (REFUSED,)
        grounds = {"grounds": "Giấy phép lái xe do tỉnh khác quản lý, đề nghị nộp tại nơi quản lý."}
        await self.decide(journey, DESK, "refuse", "dossier.refused", grounds, REFUSED)
        await self.log.event(journey.code, refund)

    async def let_it_expire(self, journey: Journey) -> None:
        """Put the clock to the last day to pay."""
        database = await self.stack.database("payments")
        try:
            await database.execute(EXPIRE_NOW, journey.code)
        finally:
            await database.close()


async def returned(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    await walk.pay(journey)
    await walk.through_the_desk(journey)


async def declined_then_paid(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    url = await walk.page(journey)
    status = await walk.card(url, DECLINED)
    if status != 402:
        raise JourneyFailed(f"a declined card is answered with {status}")
    await asyncio.sleep(journey.chance.uniform(0, 4))  # looks for another card: the page's silence may come first
    await walk.pay(journey)
    await walk.through_the_desk(journey)


async def refused(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    await walk.pay(journey, journey.chance.choice((GOOD, REFUND_LATER)))
    await walk.refuse(journey, "payment.refunded")


async def refund_comes_back(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    await walk.pay(journey, REFUND_FAILS)
    await walk.refuse(journey, "payment.refund-failed")


async def two_tabs(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    urls = await asyncio.gather(walk.page(journey), walk.page(journey))
    await asyncio.gather(*(walk.card(url, GOOD) for url in urls))
    await walk.log.event(journey.code, "dossier.fees-settled")
    await walk.through_the_desk(journey)


async def paid_late_by_the_bank(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    await walk.pay(journey, SETTLES_LATER)
    await walk.through_the_desk(journey)


async def bank_says_no_later(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    await walk.card(await walk.page(journey), FAILS_LATER)
    await walk.log.event(journey.code, "payment.failed")
    await walk.pay(journey)
    await walk.through_the_desk(journey)


async def expired(walk: Walk, journey: Journey) -> None:
    journey.ends = (STOPPED,)
    await walk.file(journey)
    await walk.log.event(journey.code, "payment.opened")
    if journey.chance.random() < 0.5:
        await walk.page(journey)
    await walk.let_it_expire(journey)
    await walk.log.event(journey.code, "dossier.stopped")


async def expiry_races_payment(walk: Walk, journey: Journey) -> None:
    await walk.file(journey)
    url = await walk.page(journey)
    journey.ends = (STOPPED, RETURNED)
    await asyncio.gather(walk.card(url, GOOD), walk.let_it_expire(journey))
    await walk.log.event(journey.code, "dossier.fees-settled", "dossier.stopped")
    if walk.log.told(journey.code, "dossier.fees-settled"):
        await walk.through_the_desk(journey)


KINDS: Mapping[str, Callable[[Walk, Journey], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        returned,
        declined_then_paid,
        refused,
        two_tabs,
        expired,
        paid_late_by_the_bank,
        expiry_races_payment,
        bank_says_no_later,
        refund_comes_back,
    )
}
