"""What is done with a dossier on its way, and what each step has been promised."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from motcua.actors import GOOD, licence_form, result_file
from motcua.walk import FEE
from tests.chaos.log import Log
from tests.chaos.people import JourneyFailed, People
from tests.chaos.stack import Stack

DESK, HANDLER = "lan.motcua", "son.banglai"
# The final codes: refused, stopped, returned.
REFUSED, STOPPED, RETURNED = 3, 8, 10
EXPIRE_NOW = "update timer set due_at = now() where aggregate = 'bill' and kind = 'BillExpiry' and key = $1"


@dataclass
class Journey:
    """One dossier's way.

    `accepted` lists the events that HTTP has promised by accepting a command, `fees` the bills that they ask for, in
    đồng; `ends` the status codes in which it may end; `failure` says why it did not.
    """

    number: int
    kind: str
    who: str
    key: str
    chance: random.Random
    code: str = ""
    accepted: list[str] = field(default_factory=list)
    fees: list[int] = field(default_factory=lambda: [FEE])
    ends: tuple[int, ...] = (RETURNED,)
    ended: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Walk:
    """What a journey needs to be walked."""

    stack: Stack
    log: Log
    people: People

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
        """The gateway's page for the dossier's newest bill."""
        await self.log.event(journey.code, "payment.opened")
        while True:
            bills = await self.people.good(journey.who, "GET", "payments", f"/dossiers/{journey.code}/bills")
            if len(bills) == len(journey.fees):
                break
            await asyncio.sleep(0.5)
        bill = bills[0]
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

    async def decide(self, journey: Journey, who: str, what: str, event: str, body: Any, status: int) -> None:
        """Somebody's command; when its answer was lost, the dossier itself tells that it was carried out."""
        path = f"/dossiers/{journey.code}"
        answer = await self.people.ask(who, "POST", "intake", f"{path}/{what}", json=body)
        if answer.status_code >= 400:
            found = await self.people.good(who, "GET", "intake", path)
            if found["status"] != status:
                raise JourneyFailed(f"{what}: {answer.status_code}, and the status is {found['status']}")
        journey.accepted.append(event)

    async def through_the_desk(self, journey: Journey) -> None:
        """From acceptance over the appointment to the returned result."""
        await self.taken_in(journey)
        await self.done(journey)

    async def taken_in(self, journey: Journey) -> None:
        """Accepted, photographed, and with the department that works on it."""
        await self.decide(journey, DESK, "accept", "dossier.accepted", {}, 2)
        await self.log.event(journey.code, "appointment.booked")
        path = f"/dossiers/{journey.code}/appointment/attended"
        await self.people.good(DESK, "POST", "notifications", path)
        journey.accepted.append("appointment.attended")
        await self.decide(journey, HANDLER, "process", "dossier.processing-started", {}, 4)

    async def done(self, journey: Journey) -> None:
        """Handed on to the last step, completed with the result's document, returned."""
        await self.decide(journey, HANDLER, "hand-on", "dossier.handed-on", {}, 4)
        document = await self.people.good(
            HANDLER, "POST", "intake", "/documents?name=ket-qua.pdf", content=result_file(journey.code)
        )
        result = {"result_number": "010190012345", "document_id": document["id"]}
        await self.decide(journey, HANDLER, "complete", "dossier.completed", result, 9)
        await self.decide(journey, DESK, "return", "dossier.returned", {"delivery": "tại quầy"}, RETURNED)

    async def comes_back_to(self, journey: Journey, status: int) -> None:
        """Wait until the dossier is in this status again."""
        while True:
            found = await self.people.good(journey.who, "GET", "intake", f"/dossiers/{journey.code}")
            if found["status"] == status:
                return
            await asyncio.sleep(0.5)

    async def withdraw(self, journey: Journey, end: str) -> None:
        """The citizen wants it back, and the desk lets it go."""
        journey.ends = (STOPPED,)
        wish = {"reason": "Tôi chuyển nơi ở."}
        await self.decide(journey, journey.who, "withdraw", "dossier.withdrawal-requested", wish, 7)
        await self.decide(journey, DESK, "grant-withdrawal", "dossier.stopped", {}, STOPPED)
        await self.log.event(journey.code, end)

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
