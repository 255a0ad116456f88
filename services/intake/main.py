"""intake: its table of contents."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from chassis.chores import Chore
from chassis.clock import Clock, utc_now
from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.sealing import Sealer
from chassis.service import Service
from contracts import agency_answers, agency_reports, contacts, dossiers, payments, procedures
from contracts.registry import EVENTS
from services.intake import store
from services.intake.adapters.objects import Objects
from services.intake.adapters.register import Register
from services.intake.adapters.scanner import Clamd
from services.intake.api import batches, citizens, counter, documents, drafts, fees, folder, officers, oversight
from services.intake.api import calendars as calendars_api
from services.intake.api import catalogue as catalogue_api
from services.intake.api import desk as desk_api
from services.intake.api import procedures as procedures_api
from services.intake.api import reports as reports_api
from services.intake.domain import (
    calendar_changes,
    calendars,
    catalogue,
    commands,
    conversation,
    desk,
    files,
    filing,
    identity,
    paying,
    person,
    process,
    publication,
    report,
    reports,
    results,
    supplement,
    timing,
    withdrawal,
)
from services.intake.domain.dossier import CalendarOf
from services.intake.domain.form import Schemas
from services.intake.domain.register import CheckRegister, RegisterAnswered
from services.intake.filing import Filing
from services.intake.metrics import LegalBasesEnding
from services.intake.open_calendars import OpenCalendars
from services.intake.open_catalogue import OpenCatalogue
from services.intake.reporting import AnswerForgetter, Reporting
from services.intake.settings import IntakeSettings
from services.intake.sweeping import Forgetter, Sweeper
from services.intake.uploads import Limits, Uploads


def intake(settings: IntakeSettings, clock: Clock = utc_now) -> Service:
    """Takes dossiers in, from form to result.

    Reads payments.v1 and agency-reports.v1; writes dossiers.v1, contacts.v1 (sealed), procedures.v1 and
    agency-answers.v1; owns dossiers, people, procedures and documents.
    """
    shipped = files.read()
    opened, schemas = OpenCatalogue(shipped), Schemas()
    open_calendars = OpenCalendars(calendars.load(), {agency.code: agency for agency in shipped.agencies}, clock)
    register = _register(settings, clock)
    filings = Filing(opened, schemas, clock, settings.dossier_bytes, register is not None)
    shown = catalogue.all_open(shipped)
    example = shown.example(shown.procedure("1.002809"))
    objects = Objects.at(settings.documents_url)
    scanner = Clamd.at(settings.scanner_url) if settings.scanner_url else None
    uploads = Uploads(objects, scanner, Limits(settings.document_bytes, settings.unattached_documents), clock)
    keys = {agency: [key.get_secret_value().encode() for key in them] for agency, them in settings.agency_keys.items()}
    reporting = Reporting(keys, opened)
    on_report = partial(reports.on_report, calendar_of=open_calendars.of, names_of=reporting.names_of)
    dossiers_decide = decides_on_dossiers(open_calendars.of)
    dossiers_decide = replace(dossiers_decide, commands={**dossiers_decide.commands, report.Reported: on_report})
    settle_fees = partial(paying.settle_fees, calendar_of=open_calendars.of)

    return Service(
        name="intake",
        description="Tiếp nhận hồ sơ: từ tờ khai đến kết quả. / Dossiers, from the form to the result.",
        settings=settings,
        registry=EVENTS,
        routes=[
            citizens.routes_of(filings, example),
            drafts.routes_of(filings, clock),
            fees.routes_of(opened, schemas, clock),
            documents.routes_of(uploads, objects),
            officers.routes_of(filings),
            reports_api.routes_of(reporting),
            folder.routes_of(filings, objects, settings.public_url, clock),
            desk_api.routes_of(open_calendars, clock),
            batches.routes_of(opened),
            counter.routes_of(filings, clock),
            oversight.routes_of(clock),
            catalogue_api.routes_of(opened, clock),
            procedures_api.routes_of(opened, clock),
            calendars_api.routes_of(open_calendars),
        ],
        consumes=[
            Fold(
                "intake.payments",
                payments.TOPIC,
                into=store.dossiers.aggregate,
                on={payments.Succeeded: settle_fees, payments.Expired: paying.stop_unpaid},
            ),
            Fold(
                "intake.agency-reports",
                agency_reports.TOPIC,
                into=store.dossiers.aggregate,
                on=dict.fromkeys(agency_reports.EVENTS, on_report),
                prepare=reporting.heard,
            ),
        ],
        publishes=[dossiers.TOPIC, contacts.TOPIC, procedures.TOPIC, agency_answers.TOPIC],
        decides=[
            dossiers_decide,
            Decides(store.people.aggregate, commands={person.Remember: person.remember, person.Amend: person.amend}),
            Decides(
                store.procedures.aggregate,
                commands={
                    publication.Import: publication.take,
                    publication.Ship: publication.ship,
                    publication.Consult: publication.consult,
                    publication.Open: publication.open_,
                    publication.Close: publication.close,
                },
                timers={publication.DayComes: publication.say_again},
            ),
            Decides(
                store.calendars.aggregate,
                commands={calendar_changes.SetDay: calendar_changes.set_day},
                timers={calendar_changes.CountAnew: calendar_changes.count_anew},
                answers={calendar_changes.Counted: calendar_changes.counted},
            ),
        ],
        calls={
            calendar_changes.Count: open_calendars.count,
            **({CheckRegister: register.check} if register is not None else {}),
        },
        sealed={contacts.TOPIC: Sealer(settings.contacts_key.get_secret_value())},
        chores=[
            Chore("documents", 600, Sweeper(objects, clock).run),
            Chore("drafts", 3600, Forgetter(clock).run),
            Chore("agency-answers", 3600, AnswerForgetter(clock).run),
        ],
        uploads={documents.UPLOAD: settings.document_bytes},
        measures=[LegalBasesEnding(opened, clock)],
        refreshes=[open_calendars.refresh, opened.refresh],
        at_start=opened.ship,
    )


def decides_on_dossiers(calendar_of: CalendarOf) -> Decides:
    """All that may be said to a dossier; what counts time goes by the calendar of its agency."""
    return Decides(
        store.dossiers.aggregate,
        commands={
            commands.Submit: partial(filing.submit, calendar_of=calendar_of),
            commands.Supplement: partial(supplement.supplement, calendar_of=calendar_of),
            commands.AskWithdrawal: withdrawal.ask_withdrawal,
            commands.FetchResult: results.fetch_result,
            commands.PostMessage: conversation.post_message,
            commands.Accept: partial(desk.accept, calendar_of=calendar_of),
            commands.Refuse: desk.refuse,
            commands.StartProcessing: partial(process.start_processing, calendar_of=calendar_of),
            commands.Assign: process.assign,
            commands.HandOn: partial(process.hand_on, calendar_of=calendar_of),
            commands.SendBack: partial(process.send_back, calendar_of=calendar_of),
            commands.RequestSupplement: partial(supplement.request_supplement, calendar_of=calendar_of),
            commands.RequestFees: partial(paying.request_fees, calendar_of=calendar_of),
            commands.WithdrawFees: partial(paying.withdraw_fees, calendar_of=calendar_of),
            commands.Correct: desk.correct,
            commands.Apologise: partial(desk.apologise, calendar_of=calendar_of),
            commands.Extend: partial(desk.extend, calendar_of=calendar_of),
            commands.Stop: desk.stop,
            commands.GrantWithdrawal: withdrawal.grant_withdrawal,
            commands.DeclineWithdrawal: partial(withdrawal.decline_withdrawal, calendar_of=calendar_of),
            commands.Complete: results.complete,
            commands.Dispatch: results.dispatch,
            commands.Return: results.give_back,
            commands.Recalculate: partial(timing.recalculate, calendar_of=calendar_of),
        },
        timers={
            commands.SupplementOver: supplement.supplement_over,
            commands.NearlyDue: timing.warn,
            commands.PastDue: timing.is_late,
        },
        answers={RegisterAnswered: identity.note_register},
    )


def _register(settings: IntakeSettings, clock: Clock) -> Register | None:
    """The civil register, where there is one to ask."""
    if settings.register_url is None or settings.register_key is None:
        return None
    return Register.at(settings.register_url, settings.register_key.get_secret_value(), clock)
