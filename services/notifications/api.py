"""What notifications answers over HTTP: a dossier's messages, its appointment, and the carrier's receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from chassis.access import Caller
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.postgres import Pool
from services.notifications import store
from services.notifications.adapters import sms
from services.notifications.domain.appointment import Appointment, Attend, Miss
from services.notifications.domain.calendar_file import Meeting, calendar_file
from services.notifications.domain.notice import Receipt
from services.notifications.settings import Settings


class View(BaseModel):
    """What is shown; built from whatever has its fields."""

    model_config = ConfigDict(from_attributes=True)


class MessageView(View):
    """One notice. `subject` and `text` are for the person whom it was sent to; null for everybody else."""

    notice_id: UUID
    step: str
    channel: Literal["sms", "email"]
    template: str
    state: Literal["waiting", "sending", "sent", "delivered", "temporary_failure", "permanent_failure", "skipped"]
    reason: str | None
    parts: int | None
    tries: int
    announced_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    subject: str | None
    text: str | None


class MessagesView(View):
    dossier_code: str
    messages: list[MessageView]


class AppointmentView(View):
    """Its times are null until a slot is found."""

    dossier_code: str
    appointment_id: UUID
    state: Literal["searching", "booked", "attended", "missed", "cancelled"]
    purpose: str
    place: str
    address: str
    starts_at: datetime | None
    ends_at: datetime | None


def routes(settings: Settings, clock: Clock) -> APIRouter:
    """The routes; `settings` hold the receipts' secret and the calendar's organizer."""
    router = APIRouter()
    secret = settings.sms_receipt_secret.get_secret_value()

    @router.get("/dossiers/{code}/messages", tags=["messages"])
    async def messages(code: CodeOf, caller: CallerOf, work: WorkOf) -> MessagesView:
        """Every notice of a dossier, with what became of it: for who filed it, its agency's officers, operators."""
        owner = await _seen_by(caller, work.pool, code)
        rows = await store.messages_of(work.pool, code)
        return MessagesView(dossier_code=code, messages=[_message(row, owner) for row in rows])

    @router.get("/dossiers/{code}/appointment", tags=["appointments"])
    async def appointment(code: CodeOf, caller: CallerOf, work: WorkOf) -> AppointmentView:
        """A dossier's appointment: for who filed it, its agency's officers, operators."""
        await _seen_by(caller, work.pool, code)
        return AppointmentView.model_validate(await _appointment(work.pool, code))

    @router.get(
        "/dossiers/{code}/appointment.ics",
        tags=["appointments"],
        response_class=Response,
        responses={200: {"content": {"text/calendar": {}}}},
    )
    async def calendar(code: CodeOf, caller: CallerOf, work: WorkOf) -> Response:
        """The appointment as a calendar file (RFC 5545): for who filed the dossier."""
        if not await _seen_by(allowed(caller, "citizen"), work.pool, code):
            raise _no_dossier()
        found = await _appointment(work.pool, code)
        if found.state != "booked":
            raise _no_appointment()
        meeting = Meeting.model_validate({**found.model_dump(), "told_at": found.booked_at})
        return Response(
            calendar_file(meeting, settings.mail_from, settings.mail_from_name),
            media_type="text/calendar; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="lich-hen.ics"'},
        )

    @router.post("/dossiers/{code}/appointment/attended", tags=["appointments"])
    async def attended(code: CodeOf, caller: CallerOf, work: WorkOf) -> AppointmentView:
        """An officer of the agency saw the citizen; saying it again gives the same answer."""
        await _seen_by(allowed(caller, "officer"), work.pool, code)
        return AppointmentView.model_validate(await work.send(store.appointments, code, Attend()))

    @router.post("/dossiers/{code}/appointment/missed", tags=["appointments"])
    async def missed(code: CodeOf, caller: CallerOf, work: WorkOf) -> AppointmentView:
        """The citizen did not come; saying it again gives the same answer."""
        await _seen_by(allowed(caller, "officer"), work.pool, code)
        return AppointmentView.model_validate(await work.send(store.appointments, code, Miss()))

    @router.post("/receipts/sms", tags=["receipts"], status_code=204)
    async def receipt(request: Request, work: WorkOf) -> Response:
        """A delivery receipt of the carrier, signed in `X-Signature`. 401: not its signature; 404: not our SMS."""
        body = await request.body()
        sms.verify(secret, request.headers.get("X-Signature"), body, clock())
        try:
            delivery = sms.Delivery.model_validate_json(body)
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_input=False)) from None
        key = await store.key_of_sms(work.pool, delivery.reference)
        if key is None:
            raise NotFound("Không có tin nhắn nào mang mã này.", "No SMS has this reference.")
        await work.send(store.notices, key, Receipt(word=delivery.state))
        return Response(status_code=204)

    return router


async def _seen_by(caller: Caller, pool: Pool, code: str) -> bool:
    """Whether the caller is who filed the dossier.

    Raises NotFound for a stranger, exactly as when there is no such dossier.
    """
    recipient = await store.recipient_of(pool, code)
    if recipient is None:
        raise _no_dossier()
    if caller.role == "citizen" and caller.person_id == recipient.person_id:
        return True
    if caller.role == "operator" or (caller.role == "officer" and caller.agency == recipient.agency):
        return False
    raise _no_dossier()


async def _appointment(pool: Pool, code: str) -> Appointment:
    found = await store.appointment_of(pool, code)
    if found is None:
        raise _no_appointment()
    return found


def _no_dossier() -> NotFound:
    return NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")


def _no_appointment() -> NotFound:
    return NotFound("Hồ sơ này không có lịch hẹn.", "This dossier has no appointment.")


def _message(row: dict[str, object], owner: bool) -> MessageView:
    words = {"subject": row["subject"] or None, "text": row["text"]} if owner else {"subject": None, "text": None}
    delivered = row["settled_at"] if row["state"] == "delivered" else None
    return MessageView.model_validate({**dict(row), **words, "tries": row["tries"] or 0, "delivered_at": delivered})
