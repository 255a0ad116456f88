"""How fast the sandbox's payment gateway is: it must never be the bottleneck of what is measured around it.

`python -m tests.bench.sandbox_gateway [--seconds 3] [--json]`: its start in seconds, resident megabytes after the load,
answers per second over a few kept connections (every answer's status is checked), whole checkouts per second (session,
page, payment) and how long the webhooks of those took to be accepted after the last checkout.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx

from tests.bench.sandbox_others import CONNECTIONS, Result, drive, measure, message, receipts_taken, request
from tests.integration.sandbox_process import Server, free_port

NUMBERS = itertools.count()
KEY = "sk_test_bench"
FORM = "application/x-www-form-urlencoded"
INTENT = urlencode({"amount": 135_000, "currency": "vnd", "metadata[bill]": "b-1"}).encode()
SESSION = urlencode(
    {
        "mode": "payment",
        "success_url": "http://127.0.0.1/ok?session={CHECKOUT_SESSION_ID}",
        "line_items[0][quantity]": 1,
        "line_items[0][price_data][currency]": "vnd",
        "line_items[0][price_data][unit_amount]": 135_000,
        "line_items[0][price_data][product_data][name]": "Lệ phí cấp đổi giấy phép lái xe",
        "payment_intent_data[metadata][bill]": "b-1",
    }
).encode()
CARD = urlencode({"card_number": "4242424242424242", "card_expiry": "12/40", "card_cvc": "123"}).encode()


def post(path: str, body: bytes) -> bytes:
    return request(
        "POST", path, body, Authorization=f"Bearer {KEY}", Content_Type=FORM, Idempotency_Key=f"k-{next(NUMBERS)}"
    )


async def checkouts(port: int, seconds: float) -> int:
    """Whole checkouts per second: a session is made, its page looked at, the card typed."""
    until, paid = time.monotonic() + seconds, 0

    async def person() -> None:
        nonlocal paid
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(post("/v1/checkout/sessions", SESSION))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            page = f"/c/pay/{json.loads(await reader.readexactly(length))['id']}"
            for step, expected in (
                (request("GET", page), b"200"),
                (request("POST", page, CARD, Content_Type=FORM), b"303"),
            ):
                writer.write(step)
                answer = await message(reader)
                if answer[9:12] != expected:
                    raise SystemExit(f"the page answered {answer[:40]!r}")
            paid += 1
        writer.close()

    async with asyncio.TaskGroup() as people:
        for _ in range(CONNECTIONS):
            people.create_task(person())
    return round(paid / seconds)


async def drained(server: Server) -> float:
    """Seconds until every webhook has been accepted."""
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=server.url) as client:
        while "pending" in (await client.get("/_control/webhooks?limit=0")).json()["states"]:
            await asyncio.sleep(0.1)
    return time.monotonic() - began


async def gateway(server: Server, seconds: float) -> dict[str, int]:
    port = int(server.environment["GATEWAY_WEBHOOK_URL"].rpartition(":")[2].partition("/")[0])
    bearer = f"Bearer {KEY}"
    async with receipts_taken(port):
        rates = {
            "POST /v1/checkout/sessions": await drive(
                server.port, lambda: post("/v1/checkout/sessions", SESSION), seconds, 200
            ),
            "POST /v1/payment_intents, webhooks delivered": await drive(
                server.port, lambda: post("/v1/payment_intents", INTENT), seconds, 200
            ),
        }
        await drained(server)
        form = {"amount": "135000", "currency": "vnd", "payment_method": "pm_card_visa", "confirm": "true"}
        intent = httpx.post(f"{server.url}/v1/payment_intents", data=form, headers={"Authorization": bearer}).json()
        path = f"/v1/payment_intents/{intent['id']}?expand[]=latest_charge"
        rates["GET /v1/payment_intents/ID, expanded"] = await drive(
            server.port, lambda: request("GET", path, Authorization=bearer), seconds, 200
        )
        rates["whole checkouts: session, page, payment"] = await checkouts(server.port, seconds)
        rates["ms until their webhooks were accepted"] = round(1000 * await drained(server))
    return rates


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--json", action="store_true")
    told = arguments.parse_args()
    environment = {
        "GATEWAY_SECRET_KEY": KEY,
        "GATEWAY_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/webhooks/stripe",
        "GATEWAY_WEBHOOK_SECRET": "whsec_bench",
    }
    with tempfile.TemporaryDirectory() as folder:
        result: Result = measure(Server("gateway", Path(folder), environment), gateway, told.seconds)
    if told.json:
        print(json.dumps(result.__dict__))
        return
    print(f"gateway: started in {result.start_s} s, {result.resident_mb} MB")
    for name, rate in result.per_second.items():
        print(f"  {rate:>8,}  {name}")


if __name__ == "__main__":
    main()
