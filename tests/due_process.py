"""The counters' timers and outside calls as a process of its own, told by DUE: database, a port, where it ends.

Questions go to the port, which gets the call's id as a line and answers with a line that holds the amount. At the named
point, when there is one, the process kills itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal

from chassis.calls import Calling, Calls
from chassis.effects import CALLS
from chassis.metrics import Metrics
from chassis.postgres import open_pool
from chassis.timers import Timers
from chassis.wakes import Wakes
from tests.chaos import seams
from tests.counters import DECIDES, Answer, Question, voice


async def run(url: str, port: int, end: str) -> None:
    async def reach(point: str) -> None:
        if point == end:
            os.kill(os.getpid(), signal.SIGKILL)

    async def ask(question: Question, calling: Calling) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{calling.id}\n".encode())
        amount = int(await reader.readline())
        writer.close()
        return Answer(counter=question.counter, amount=amount)

    seams.install(reach)
    pool = await open_pool(url, "due", 8)
    wakes = Wakes(url, "due", CALLS)
    async with asyncio.TaskGroup() as group:
        group.create_task(Timers([DECIDES], pool, voice(), Metrics()).forever())
        group.create_task(wakes.forever())
        group.create_task(Calls({Question: ask}, [DECIDES], pool, voice(), Metrics()).forever(wakes))


if __name__ == "__main__":
    asyncio.run(run(*json.loads(os.environ["DUE"])))
