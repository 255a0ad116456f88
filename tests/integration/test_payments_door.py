"""What is answered at the door where gateways ring: genuine webhooks once, copies politely, anything else refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chassis.identifiers import new_id
from deploy.local.postgres import connect
from tests.database import Server as Postgres
from tests.integration.payments_counter import AMOUNT, SECRET, Counter, eventually
from tests.integration.payments_rings import event, heard, in_checkout, paid, posted, ring_comes_to, ring_of, signed


async def heard_of(counter: Counter, outcome: str) -> float:
    """How many of Stripe's webhooks the door has seen as this."""
    name = f'motcua_rings_heard_total{{gateway="stripe",outcome="{outcome}"}} '
    lines = (await counter.http.get("/metrics")).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


async def rings(counter: Counter) -> int:
    return int(await counter.pool.fetchval("select count(*) from ring"))


def about(code: str | None, kind: str = "checkout.session.completed", **thing: Any) -> bytes:
    """A page's event."""
    page = {
        "object": "checkout.session", "id": "cs_1", "url": None, "status": "complete", "payment_status": "unpaid",
        "amount_total": AMOUNT, "currency": "vnd", "payment_intent": None,
        "metadata": {"dossier_code": code} if code is not None else {},
    }  # fmt: skip
    return event(kind, **page | thing)


async def test_a_webhook_about_nothing_of_ours_is_kept_as_such(counter: Counter) -> None:
    dossier = await counter.filed()
    for body, outcome in (
        (about("G09.20-20260609-9999999"), "unknown_bill"),
        (about(None), "nothing"),
        (about("a\0b"), "nothing"),
        (about("../.."), "nothing"),
        (about(None, client_reference_id="G09.20-20260609-9999999"), "unknown_bill"),
        (about(None, metadata={"attempt_id": str(new_id())}), "unknown_bill"),
        (about(None, kind="sandbox.unheard_of"), "nothing"),
    ):
        await heard(counter.http, body)
        await ring_comes_to(counter.pool, body, outcome)
    assert not await counter.calls(dossier)


async def test_copies_are_answered_like_the_first_and_counted(counter: Counter) -> None:
    _, attempt = await in_checkout(counter)
    body, new, copies = paid(attempt), await heard_of(counter, "new"), await heard_of(counter, "copy")
    await asyncio.gather(*(heard(counter.http, body) for _ in range(20)))
    await heard(counter.http, body)
    assert await heard_of(counter, "new") == new + 1
    assert await heard_of(counter, "copy") == copies + 20


async def test_many_at_the_same_time_are_all_kept(counter: Counter) -> None:
    bodies = [event("charge.updated", id=f"ch_{number}") for number in range(200)]
    await asyncio.gather(*(heard(counter.http, body) for body in bodies))
    assert None not in [await ring_of(counter.pool, body) for body in bodies]


async def test_a_webhook_that_is_not_signed_by_our_gateway_now_is_refused_and_not_kept(counter: Counter) -> None:
    _, attempt = await in_checkout(counter)
    before, refused = await rings(counter), await heard_of(counter, "refused")
    body = paid(attempt)
    for headers in (signed(body, "whsec_stolen"), signed(body, SECRET, 3600), signed(body, SECRET, -3600), {}):
        answer = await counter.http.post("/webhooks/stripe", content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["code"] == "bad_signature"
    changed = body.replace(b"135000", b"13500")
    answer = await counter.http.post("/webhooks/stripe", content=changed, headers=signed(body))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert await rings(counter) == before
    assert await heard_of(counter, "refused") == refused + 5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"event"',
        b"{}",
        b'{"type": ["a"], "id": "evt_1", "data": {"object": {}}}',
        b'{"type": "checkout.session.completed", "data": {}}',
        b'{"type": "checkout.session.completed", "id": "", "data": {}}',
    ],
)
async def test_a_signed_body_that_is_no_event_is_a_bad_request(counter: Counter, body: bytes) -> None:
    answer = await posted(counter.http, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_event")


async def test_a_true_one_that_the_database_cannot_hold_spoils_no_other(counter: Counter) -> None:
    """A null byte in an id: no gateway writes one, and the statement would be shared."""
    good = [event("charge.updated", id="ch_1") for _ in range(9)]
    bad = b'{"id": "evt_\\u0000", "type": "charge.updated"}'
    answers = await asyncio.gather(posted(counter.http, bad), *(posted(counter.http, body) for body in good))
    assert [answer.status_code for answer in answers] == [400, *[200] * 9]


async def test_a_body_of_more_than_256_kib_is_too_large(counter: Counter) -> None:
    answer = await posted(counter.http, event("charge.updated", id="c" * 256 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_gateway_that_is_not_configured_has_no_door(counter: Counter) -> None:
    for method, path in (("POST", "bank"), ("POST", "national"), ("GET", "vnpay?vnp_Amount=1")):
        assert (await counter.http.request(method, f"/webhooks/{path}")).status_code == 404


async def test_while_the_database_is_away_the_gateway_is_asked_to_ring_again(
    counter: Counter, postgres_server: Postgres
) -> None:
    body = event("charge.updated", id="ch_1")
    administrator = await connect(postgres_server.layout, postgres_server.secrets, "postgres")
    try:
        await administrator.execute("alter database payments with allow_connections false")
        await administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'payments'")
        answer = await posted(counter.http, body)
        assert answer.status_code == 503
        assert answer.json()["code"] == "unavailable"
        assert "Retry-After" in answer.headers
    finally:
        await administrator.execute("alter database payments with allow_connections true")
        await administrator.close()

    async def taken() -> bool:
        return (await posted(counter.http, body)).status_code == 200

    await eventually(taken)
    await ring_comes_to(counter.pool, body, "nothing")


@pytest.mark.parametrize("name", ["evt_\0", "evt_\x1b", "evt_\u2028", "\x7f"])
async def test_an_id_that_cannot_be_printed_is_refused_at_the_door(counter: Counter, name: str) -> None:
    """Whoever holds the secret could stop all webhooks of the same moment with it: PostgreSQL keeps no U+0000."""
    before = await rings(counter)
    for told in ({"id": name, "type": "charge.updated"}, {"id": f"evt_{new_id()}", "type": name}):
        refused = await posted(counter.http, json.dumps(told).encode())
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_event")
    assert await rings(counter) == before
