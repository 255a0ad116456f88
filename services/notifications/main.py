"""The table of contents of notifications."""

from __future__ import annotations

from functools import partial

from chassis.clock import Clock, utc_now
from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.envelope import Tombstone
from chassis.sealing import Sealer
from chassis.service import Service
from chassis.working_days import is_working_day
from contracts import appointments, contacts, dossiers, payments, registry
from contracts import notifications as notification_events
from services.notifications import api, store
from services.notifications.adapters.email import MailServer
from services.notifications.adapters.sms import Carrier
from services.notifications.calls import Booking, Post
from services.notifications.domain import appointment, contact, notice, plan, recipient
from services.notifications.domain.desk import Desk
from services.notifications.domain.quiet import Quiet
from services.notifications.settings import Settings


def notifications(settings: Settings, clock: Clock = utc_now) -> Service:
    """Tells the citizen. Reads dossiers.v1, payments.v1, contacts.v1; owns notices and appointments."""
    is_working_day(clock().date())  # reads the calendar now: the first appointment shall not wait for it
    quiet = Quiet(settings.quiet_begins, settings.quiet_ends)
    announce = partial(notice.announce, quiet)
    post = Post(_carrier(settings), _mail_server(settings), quiet, clock, settings.public_url.rstrip("/"))
    booking = Booking(Desk(settings.desk_seats, settings.booking_days), clock)
    return Service(
        name="notifications",
        description="Tin nhắn, thư và lịch hẹn. Notices to citizens by SMS and e-mail; appointments.",
        settings=settings,
        registry=registry.EVENTS,
        routes=[api.routes(settings, clock)],
        publishes=(notification_events.TOPIC, appointments.TOPIC),
        sealed={contacts.TOPIC: Sealer(settings.contacts_key.get_secret_value())},
        consumes=[
            Fold(
                "notifications.contacts",
                contacts.TOPIC,
                into=store.contacts,
                on={contacts.Updated: contact.update, Tombstone: contact.erase},
            ),
            Fold(
                "notifications.recipients",
                dossiers.TOPIC,
                into=store.recipients,
                on={dossiers.Submitted: recipient.learn},
            ),
            Fold(
                "notifications.appointments",
                dossiers.TOPIC,
                into=store.appointments,
                on={
                    dossiers.Accepted: appointment.ask,
                    **dict.fromkeys(appointment.ENDINGS, appointment.cancel),
                },
            ),
            *(
                Fold(
                    f"notifications.notices-of-{topic.removesuffix('.v1')}",
                    topic,
                    into=store.notices,
                    on=dict.fromkeys((event for event in plan.EVENTS if topic == event.TOPIC), announce),
                    route=plan.notices,
                )
                for topic in (dossiers.TOPIC, payments.TOPIC, appointments.TOPIC)
            ),
        ],
        decides=[
            Decides(
                store.appointments,
                commands={appointment.Attend: appointment.attend, appointment.Miss: appointment.miss},
                answers={appointment.SlotFound: appointment.book},
            ),
            Decides(
                store.notices,
                commands={notice.Receipt: notice.receive},
                timers={notice.Send: notice.send, notice.Silence: notice.despair},
                answers={
                    notice.Taken: notice.take,
                    notice.Postponed: partial(notice.postpone, quiet),
                    notice.Unreachable: notice.skip,
                    notice.Rejected: notice.reject,
                    notice.Overdue: notice.leave,
                },
            ),
        ],
        calls={
            appointment.FindSlot: booking.find_slot,
            notice.SendSms: post.send_sms,
            notice.SendEmail: post.send_email,
        },
    )


def _carrier(settings: Settings) -> Carrier:
    return Carrier.at(settings.sms_url, settings.sms_token.get_secret_value(), settings.sms_brand)


def _mail_server(settings: Settings) -> MailServer:
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.mail_from,
        settings.mail_from_name,
        settings.smtp_user,
        password,
    )
