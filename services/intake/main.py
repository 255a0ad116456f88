"""intake: its table of contents."""

from __future__ import annotations

from chassis.chores import Chore
from chassis.clock import Clock, utc_now
from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.sealing import Sealer
from chassis.service import Service
from chassis.work import Work
from chassis.working_days import is_working_day
from contracts import contacts, dossiers, payments, procedures
from contracts.registry import EVENTS
from services.intake import store
from services.intake.adapters.objects import Objects
from services.intake.adapters.scanner import Clamd
from services.intake.api import catalogue as catalogue_api
from services.intake.api import citizens, documents, officers
from services.intake.domain import catalogue, commands, dossier, person, publication
from services.intake.settings import IntakeSettings
from services.intake.sweeping import Sweeper
from services.intake.uploads import Limits, Uploads


def intake(settings: IntakeSettings, clock: Clock = utc_now) -> Service:
    """Takes dossiers in, from form to result.

    Reads payments.v1; writes dossiers.v1, contacts.v1 (sealed) and procedures.v1; owns dossiers and people.
    """
    loaded = catalogue.load()
    is_working_day(clock().date())  # reads the calendar now: the first citizen shall not wait for it

    async def publish_catalogue(work: Work) -> None:
        for code, procedure in loaded.procedures.items():
            await work.send(store.procedures.aggregate, code, publication.Publish(procedure=procedure))

    objects = Objects.at(settings.documents_url)
    scanner = Clamd.at(settings.scanner_url) if settings.scanner_url else None
    limits = Limits(settings.document_bytes, settings.unattached_documents)
    uploads = Uploads(objects, scanner, limits, clock)

    return Service(
        name="intake",
        description="Tiếp nhận hồ sơ: từ tờ khai đến kết quả. / Dossiers, from the form to the result.",
        settings=settings,
        registry=EVENTS,
        routes=[
            citizens.routes_of(loaded, clock),
            documents.routes_of(uploads, objects),
            officers.routes(),
            catalogue_api.routes_of(loaded),
        ],
        consumes=[
            Fold(
                "intake.payments",
                payments.TOPIC,
                into=store.dossiers.aggregate,
                on={payments.Succeeded: dossier.settle_fees, payments.Expired: dossier.stop_unpaid},
            ),
        ],
        publishes=[dossiers.TOPIC, contacts.TOPIC, procedures.TOPIC],
        decides=[
            Decides(
                store.dossiers.aggregate,
                commands={
                    commands.Submit: dossier.submit,
                    commands.Accept: dossier.accept,
                    commands.Refuse: dossier.refuse,
                    commands.StartProcessing: dossier.start_processing,
                    commands.Complete: dossier.complete,
                    commands.Return: dossier.give_back,
                },
            ),
            Decides(store.people.aggregate, commands={person.Remember: person.remember}),
            Decides(store.procedures.aggregate, commands={publication.Publish: publication.publish}),
        ],
        sealed={contacts.TOPIC: Sealer(settings.contacts_key.get_secret_value())},
        chores=[Chore("documents", 600, Sweeper(objects, clock).run)],
        uploads={documents.UPLOAD: settings.document_bytes},
        at_start=publish_catalogue,
    )
