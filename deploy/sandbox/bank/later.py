"""What happens in the bank by itself, in time: late transfers come in, returns are settled."""

from __future__ import annotations

import asyncio

from deploy.sandbox.bank import returns, transfers
from deploy.sandbox.bank.office import Office


def settle_due(office: Office) -> int:
    """Everything that is due now, each in a transaction of its own; gives its number."""
    count = 0
    for table, happen in (("transfer", transfers.arrive), ("returns", returns.settle)):
        for row in office.store.due(table, office.clock()):
            with office.store.transaction():
                happen(office, row)
            count += 1
    return count


async def run(office: Office) -> None:
    """As long as the server lives."""
    while True:
        office.due.clear()
        if settle_due(office):
            continue
        due = office.store.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - office.clock())):
                await office.due.wait()
        except TimeoutError:
            continue
