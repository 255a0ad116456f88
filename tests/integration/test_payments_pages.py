"""At most one page at the gateway that can be paid, whoever presses the button when, and whatever is said of the page."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

from tests.integration.payments_counter import DECLINED, SECRET, Counter, Dossier, eventually
from tests.waiting import kept_open, until_waiting


async def test_two_tabs_that_decide_at_the_same_moment_get_one_page(counter: Counter) -> None:
    """Both stand before the bill's row, which the test holds."""
    dossier = await counter.filed()
    async with kept_open(counter.pool) as holder:
        await holder.execute("select from bill where dossier_code = $1 for update", dossier.code)
        tabs = [asyncio.create_task(counter.begins(dossier)) for _ in range(2)]
        await until_waiting(counter.pool, 2, "%bill%")
    pages = {answer.json()["url"] for answer in await asyncio.gather(*tabs)} | {await counter.page(dossier)}
    await counter.settled(dossier)
    assert len(pages - {None}) == 1
    assert len(await counter.sessions(dossier)) == 1


async def test_after_a_declined_card_the_button_leads_to_the_same_page(counter: Counter) -> None:
    """That page can still be paid: another one beside it could be paid too."""
    dossier = await counter.filed()
    url = await counter.page(dossier)
    assert await counter.pays(url, DECLINED) == 402
    await counter.tells(dossier, "failed")
    assert await counter.page(dossier) == url
    assert len(await counter.sessions(dossier)) == 1


async def test_a_page_that_the_gateway_does_not_know_is_not_closed(counter: Counter) -> None:
    """It may not know it yet: the question stays, and so does the attempt."""
    dossier = await counter.filed()
    url = await counter.page(dossier)
    (session,) = await counter.sessions(dossier)
    await _rings(counter, {**session, "id": "cs_test_unknown"})

    async def asked_in_vain() -> bool:
        return any(call["tries"] for call in await counter.calls(dossier)) or await _state(counter, dossier) == "open"

    await eventually(asked_in_vain)
    assert await _state(counter, dossier) == "in_checkout"
    await counter.pool.execute("delete from call where key = $1", dossier.code)
    assert await counter.pays(url) == 303
    await counter.comes_to(dossier, "paid")


async def _state(counter: Counter, dossier: Dossier) -> str:
    return str((await counter.bill(dossier))["state"])


async def _rings(counter: Counter, session: dict[str, Any]) -> None:
    """A webhook, truly signed, that speaks of this page."""
    at = int(time.time())
    told = {"id": "evt_signed", "created": at, "type": "checkout.session.completed", "data": {"object": session}}
    body = json.dumps(told).encode()
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={digest}"}
    assert (await counter.http.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200
