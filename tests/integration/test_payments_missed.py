"""Webhooks that never come are fetched, and a gateway's balance stands beside that of our books."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from chassis.clock import utc_now
from chassis.errors import Unanswered
from services.payments.adapters.gateways import Gateways
from services.payments.missed import Missed
from tests.integration.payments_counter import AMOUNT, PAID, Clock, Counter, Dossier, eventually
from tests.integration.payments_rings import in_checkout


def missed(counter: Counter, key: str = "sk_test", ahead: timedelta = timedelta()) -> Missed:
    """By a clock that is so much ahead of the gateway's."""
    settings = counter.service.settings.model_copy(update={"gateway_secret_key": SecretStr(key)})
    return Missed(Gateways.from_settings(settings).by_name, Clock(ahead))  # type: ignore[arg-type]


async def paid_unheard(counter: Counter) -> Dossier:
    """The citizen pays, and no webhook comes."""
    dossier, _ = await in_checkout(counter)
    before = await counter.fired("webhook_lost")
    assert (await counter.bill(dossier))["state"] == "in_checkout"
    await counter.pays(await counter.page(dossier))
    assert await counter.fired("webhook_lost") > before
    return dossier


async def test_a_payment_whose_webhooks_were_all_lost_is_taken_in_when_they_are_fetched(counter: Counter) -> None:
    dossier = await paid_unheard(counter)
    assert (await counter.bill(dossier))["state"] == "in_checkout"
    await missed(counter).fetch(counter.pool)
    await counter.comes_to(dossier, "paid")
    assert await counter.balances(dossier) == PAID
    again = await counter.pool.fetchval("select count(*) from ring")
    await missed(counter).fetch(counter.pool)
    assert await counter.pool.fetchval("select count(*) from ring") == again, "fetched twice, kept once"


@pytest.mark.parametrize("minutes", [20, -20])
async def test_a_gateway_whose_clock_is_not_ours_loses_no_event(counter: Counter, minutes: int) -> None:
    """Nor one whose clock was ahead of ours and is put right: the next look never begins after our own present."""
    ahead = timedelta(minutes=minutes)
    rings = "select count(*) from ring"
    await missed(counter, ahead=ahead).fetch(counter.pool)
    before, dossier = await counter.pool.fetchval(rings), await paid_unheard(counter)
    await missed(counter, ahead=ahead).fetch(counter.pool)
    assert await counter.pool.fetchval(rings) > before
    await counter.comes_to(dossier, "paid")
    await counter.pool.execute("update statement_cursor set cursor = '0' where gateway = 'events stripe'")
    await missed(counter, ahead=ahead).fetch(counter.pool)
    place = await counter.pool.fetchval("select cursor from statement_cursor where gateway = 'events stripe'")
    assert datetime.fromisoformat(place) <= utc_now() + min(ahead, timedelta())


async def test_where_nothing_can_be_fetched_the_next_look_begins_where_this_one_did(counter: Counter) -> None:
    await missed(counter).fetch(counter.pool)
    place = await counter.pool.fetchval("select cursor from statement_cursor where gateway = 'events stripe'")
    dossier = await paid_unheard(counter)
    with pytest.raises(Unanswered):
        await missed(counter, key="sk_wrong").fetch(counter.pool)
    assert place == await counter.pool.fetchval("select cursor from statement_cursor where gateway = 'events stripe'")
    await missed(counter).fetch(counter.pool)
    await counter.comes_to(dossier, "paid")


async def test_operators_see_what_a_gateway_holds_beside_what_our_books_say(counter: Counter) -> None:
    before = (await counter.asked("GET", "/gateways", "operator")).json()
    dossier = await counter.filed()
    await counter.pays(await counter.page(dossier))
    await counter.comes_to(dossier, "paid")

    async def settled() -> bool:
        (then,), (now,) = before, (await counter.asked("GET", "/gateways", "operator")).json()
        assert (now["name"], now["offered"], now["healthy"]) == ("stripe", True, True)
        assert now["booked"] - then["booked"] == AMOUNT
        return bool(now["held"].get("VND", 0) - then["held"].get("VND", 0) == AMOUNT)

    await eventually(settled)
    assert (await counter.asked("GET", "/gateways", "citizen", person_id=str(dossier.person))).status_code == 403
