"""Outside calls on a real database: an answer may ask for its own call again."""

from __future__ import annotations

from datetime import datetime

from opentelemetry.trace import NoOpTracer

from chassis.calls import Calling, Calls
from chassis.clock import utc_now
from chassis.decider import Call, Decides, Decision
from chassis.fold import Group, Inbound, Voice, fold
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.postgres import open_pool
from services.notifications import store
from services.notifications.domain.appointment import Appointment, FindSlot, SlotFound
from tests.database import Server
from tests.waiting import until


async def test_an_answer_that_asks_again_under_the_same_id_is_not_forgotten(postgres_server: Server) -> None:
    database = await postgres_server.fresh("notifications")
    pool = await open_pool(database.url, "test", 2)
    voice = Voice("/motcua/test", NoOpTracer(), utc_now)
    answers = 0
    request = FindSlot(appointment_id=new_id(), place="Quầy", minutes=15, not_before=utc_now())

    async def find(_: FindSlot, calling: Calling) -> SlotFound:
        nonlocal answers
        answers += 1
        return SlotFound(starts_at=utc_now(), ends_at=utc_now())

    def ask(state: Appointment | None, message: FindSlot, now: datetime) -> Decision[Appointment]:
        first = Appointment(
            dossier_code="H-1", appointment_id=message.appointment_id, purpose="p", place="Quầy", address="a"
        )
        return Decision(state or first, calls=(Call(message.appointment_id, message),))

    def again(state: Appointment, found: SlotFound, now: datetime) -> Decision[Appointment]:
        return ask(state, request, now) if answers == 1 else Decision(state)

    decides = Decides(store.appointments, commands={FindSlot: ask}, answers={SlotFound: again})
    calls = Calls({FindSlot: find}, [decides], pool, voice, Metrics())
    async with pool.acquire() as connection, connection.transaction():
        await fold(voice, connection, store.appointments, [Group("H-1", [Inbound("H-1", request, ask)])])
    first = await pool.fetchval("select created_at from call")

    async def asked_again() -> bool:
        return bool(await pool.fetchval("select created_at > $1 from call", first))

    assert not await calls.perform_now(request.appointment_id, 0.2), "there is a call to be made again"
    await until(asked_again, "the call was not asked again")
    assert answers == 1
    row = await pool.fetchrow("select tries, last_error from call where id = $1", request.appointment_id)
    assert row is not None
    assert (row["tries"], row["last_error"]) == (0, None)
    await until(lambda: calls.perform_now(request.appointment_id, 1.0), "it was not made again")
    assert answers == 2
    await pool.close()
