"""status: the table of contents."""

from __future__ import annotations

from chassis.consumer import Fold
from chassis.service import Service
from chassis.settings import Settings
from contracts import appointments, dossiers, notifications, payments, registry
from services.status import api, store
from services.status.domain import view


def status(settings: Settings) -> Service:
    """Shows every dossier. Reads four topics, writes none; owns one view for each dossier code."""
    return Service(
        name="status",
        description="Tra cứu hồ sơ: ai đang giữ, từ bao giờ, đến hạn khi nào / the queryable status of dossiers",
        settings=settings,
        registry=registry.EVENTS,
        routes=[api.routes],
        consumes=CONSUMES,
    )


# Every event of a topic is shown: a view that leaves one out would tell half a story.
CONSUMES = (
    Fold("status.dossiers", dossiers.TOPIC, store.views, dict.fromkeys(dossiers.EVENTS, view.on_dossier)),
    Fold("status.payments", payments.TOPIC, store.views, dict.fromkeys(payments.EVENTS, view.on_payment)),
    Fold(
        "status.appointments", appointments.TOPIC, store.views, dict.fromkeys(appointments.EVENTS, view.on_appointment)
    ),
    Fold("status.notifications", notifications.TOPIC, store.views, dict.fromkeys(notifications.EVENTS, view.on_notice)),
)
