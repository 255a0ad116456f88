"""Whole journeys of dossiers, of several kinds."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping

from motcua.actors import DECLINED, GOOD
from tests.chaos.people import JourneyFailed
from tests.chaos.walking import DESK, HANDLER, RETURNED, STOPPED, Journey, Walk

CITIZENS = ("anh", "duc", "huong", "khoi", "yen")
SETTLES_LATER, FAILS_LATER = "4000007040000009", "4000007040000017"
REFUND_LATER, REFUND_FAILS = "4000000000007726", "4000000000005126"
LATER_FEE = 20_000


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


async def supplemented(walk: Walk, journey: Journey) -> None:
    """What is wrong is asked for once and put right; a wish to have it back may be declined in between."""
    await walk.file(journey)
    await walk.pay(journey)
    await walk.taken_in(journey)
    mark = {"path": "details.licence_number", "reason": "Không khớp với ảnh giấy phép."}
    asked, supplied = "dossier.supplement-requested", "dossier.supplemented"
    await walk.decide(journey, HANDLER, "request-supplement", asked, {"items": [mark]}, 5)
    if journey.chance.random() < 0.5:
        await walk.decide(journey, journey.who, "withdraw", "dossier.withdrawal-requested", {}, 7)
        reason = {"reason": "Kết quả đã được in, không rút được nữa."}
        await walk.decide(journey, DESK, "decline-withdrawal", "dossier.withdrawal-declined", reason, 5)
    number = {"fields": {"details.licence_number": "010190012346"}}
    await walk.decide(journey, journey.who, "supplement", supplied, number, 4)
    await walk.done(journey)


async def withdrawn(walk: Walk, journey: Journey) -> None:
    """Paid and not taken in yet, until when its circular lets the fee go back: it does."""
    await walk.file(journey)
    await walk.pay(journey)
    await walk.withdraw(journey, "payment.refunded")


async def withdrawn_unpaid(walk: Walk, journey: Journey) -> None:
    """Perhaps with the gateway's page open: nothing may be paid on it any more."""
    await walk.file(journey)
    if journey.chance.random() < 0.5:
        await walk.page(journey)
    await walk.withdraw(journey, "payment.cancelled")


async def later_fees(walk: Walk, journey: Journey) -> None:
    """Fees come up while it is worked on: paid on a bill of their own, each with its receipt."""
    await walk.file(journey)
    await walk.pay(journey)
    await walk.taken_in(journey)
    fee = {"code": "gplx-doi", "amount": LATER_FEE, "reason": "Cấp thêm giấy phép quốc tế."}
    await walk.decide(journey, HANDLER, "request-fees", "dossier.fees-requested", {"fees": [fee]}, 6)
    journey.fees.append(LATER_FEE)
    status = await walk.card(await walk.page(journey), GOOD)
    if status != 303:
        raise JourneyFailed(f"the page answers {status}")
    await walk.comes_back_to(journey, 4)
    await walk.done(journey)


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
        supplemented,
        withdrawn,
        later_fees,
        withdrawn_unpaid,
    )
}


async def whole(walk: Walk, journey: Journey, seconds: float) -> None:
    """Walk it to its end, or write down why that could not be done within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await KINDS[journey.kind](walk, journey)
        journey.ended = True
    except TimeoutError:
        journey.failure = f"no end within {seconds:.0f} s"
    except JourneyFailed as error:
        journey.failure = str(error)
