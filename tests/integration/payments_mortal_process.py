"""`python -m tests.integration.payments_mortal_process`: payments, begun again and again, each to die at one of its steps.

It imports everything once and forks for each life. It is told by lines: `begin` answers a process id, `poll ID` answers
`lives`, or the signal that ended it; with the last line the last life ends. MORTAL_SETTINGS holds the service's settings,
MORTAL_FOLDER the orders: a file named like the process id, with the number of the step, counted from then on, at which it
kills itself, or with the step's name.

Steps lie around whatever the world outside sees: a commit of what a bill decides, webhooks that are kept, what is claimed,
and each request to the gateway (but for its statement, which is read at any time).
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections import Counter
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from asyncpg.transaction import Transaction

from chassis import calls, effects, leases
from chassis.service import build
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from services.payments.store import rings
from tests.chaos.seams import Around, wrap

_NAMES = re.compile(r"(cs_test_|re_|pi_|evt_)\w+")
_WEBHOOKS = 2
_DECIDED: ContextVar[bool] = ContextVar("decided", default=False)


class Steps:
    """Counts the steps of this life, once it is told which is the last."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._gone, self._webhooks = folder, 0, Counter[str]()

    def reach(self, step: str) -> None:
        order = self._folder / str(os.getpid())
        if not order.exists():
            return
        if (last := order.read_text()) == step or (last.isdecimal() and self._counted(step) == int(last)):
            with (self._folder / "died").open("a") as died:
                died.write(f"{step}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, step: str) -> int | None:
        """The number of this step, if it counts: a gateway rings many times, and always alike; the first few are enough."""
        self._webhooks[step] += "webhooks" in step
        if self._webhooks[step] > _WEBHOOKS:
            return None
        self._gone += 1
        return self._gone


def install(steps: Steps, gateway_url: str) -> None:
    """Put the steps around what the world outside sees of this process."""

    async def send(original: Around, client: Any, request: httpx.Request, *args: Any, **more: Any) -> Any:
        if not str(request.url).startswith(gateway_url) or request.url.path.endswith("/balance_transactions"):
            return await original(client, request, *args, **more)
        name = f"{request.method} {_NAMES.sub('ID', request.url.path)}"
        steps.reach(f"before {name}")
        answer = await original(client, request, *args, **more)
        steps.reach(f"after {name}")
        return answer

    async def write(original: Around, connection: Any, aggregate: Any, total: Any) -> None:
        await original(connection, aggregate, total)
        if total.states and aggregate.name == "bill":
            _DECIDED.set(True)
            steps.reach("before commit")

    async def leave(original: Around, transaction: Any, *args: Any) -> Any:
        answer = await original(transaction, *args)
        if _DECIDED.get():
            _DECIDED.set(False)
            steps.reach("after commit")
        return answer

    async def keep(original: Around, *args: Any) -> Any:
        steps.reach("before webhooks are kept")
        answer = await original(*args)
        steps.reach("after webhooks are kept")
        return answer

    async def claim_rings(original: Around, *args: Any) -> Any:
        lease, rows = await original(*args)
        if rows:
            steps.reach("after webhooks are claimed")
        return lease, rows

    async def claim(original: Around, *args: Any) -> Any:
        claimed = await original(*args)
        if claimed:
            steps.reach("after calls are claimed")
        return claimed

    wrap(httpx.AsyncClient, "send", send)
    wrap(effects, "write", write)
    wrap(Transaction, "__aexit__", leave)
    wrap(rings, "keep", keep)
    wrap(rings, "claim", claim_rings)
    wrap(leases, "claim_one", claim)
    wrap(leases, "due_calls", claim)


def live(settings: PaymentsSettings) -> None:
    """One life. What it logs goes where errors go: the other output is for orders."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    service = build(payments(settings), ["api", "timers"])
    uvicorn.run(service, port=settings.http_port, log_config=None, access_log=False, proxy_headers=False)


def main() -> None:
    settings = PaymentsSettings.model_validate(json.loads(os.environ["MORTAL_SETTINGS"]))
    calls._POLL_SECONDS = 0.1
    install(Steps(Path(os.environ["MORTAL_FOLDER"])), settings.gateway_url)
    living = 0
    for line in sys.stdin:
        order, _, about = line.strip().partition(" ")
        if order == "begin":
            if (living := os.fork()) == 0:
                try:
                    live(settings)
                finally:
                    os._exit(1)
            print(living, flush=True)
            continue
        ended, status = os.waitpid(int(about), os.WNOHANG)
        living = 0 if ended else living
        print(os.waitstatus_to_exitcode(status) if ended else "lives", flush=True)
    if living:
        os.kill(living, signal.SIGKILL)
        os.waitpid(living, 0)


if __name__ == "__main__":
    main()
