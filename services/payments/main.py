"""payments: its table of contents."""

from __future__ import annotations

from chassis.backgrounds import Background
from chassis.chores import Chore
from chassis.clock import Clock, utc_now
from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.sealing import Sealer
from chassis.service import Service
from contracts import dossiers
from contracts import payments as contract
from contracts.registry import EVENTS
from services.payments import store, webhooks
from services.payments.adapters.gateways import Gateways
from services.payments.adapters.national_services import directory
from services.payments.api import (
    balances,
    banks,
    checkouts,
    citizens,
    differences,
    links,
    national,
    officers,
    operators,
    reconciliation,
    reports,
    rings,
    verifying,
)
from services.payments.api.common import proxies
from services.payments.domain import (
    abandoning,
    answers,
    checkout,
    difference,
    dossier_fact,
    elsewhere,
    ending,
    explaining,
    messages,
    money,
    opening,
    questions,
    refunded,
    requesting,
    settling,
)
from services.payments.links import Links
from services.payments.missed import Missed
from services.payments.paying import Cashier
from services.payments.reconciling_work import Reconciler
from services.payments.ring_metrics import RingMetrics
from services.payments.settings import PaymentsSettings
from services.payments.unexplained import Unexplained
from services.payments.working_off import WorkingOff


def payments(settings: PaymentsSettings, clock: Clock = utc_now) -> Service:
    """Collects fees.

    Reads dossiers.v1, writes payments.v1; owns bills, the ledger and receipts; waits for the last day to pay and for
    silence on an open page; calls the gateways.
    """
    gateways, ring_metrics = Gateways.from_settings(settings), RingMetrics()
    reconciler = Reconciler(gateways.by_name, settings.statement_seconds, clock)
    sealer = Sealer(settings.payer_key.get_secret_value()) if settings.payer_key else None
    cashier, trusted = Cashier(gateways, sealer), proxies(settings.trusted_proxies)
    account = links.Account(settings.bank_name, settings.bank_holder)
    signed = Links(settings.link_key.get_secret_value(), settings.public_url)
    keys = {bank: key.get_secret_value() for bank, key in settings.bank_keys.items()}
    platform_key = keys.pop("national", None)  # it stands in an address: nothing may be signed with it
    unexplained = Unexplained(reconciler.sides, clock)
    return Service(
        name="payments",
        description="Thu phí, lệ phí trực tuyến. / Fees, paid online.",
        settings=settings,
        registry=EVENTS,
        routes=[
            # Routes are looked through in their order, and these are asked for most often.
            webhooks.of_gateways(gateways, ring_metrics),
            citizens.of_citizens(gateways, signed),
            checkouts.of_citizens(cashier, signed, settings.return_url, trusted),
            officers.of_officers(clock),
            operators.of_operators(gateways),
            reports.of_reports(),
            links.of_everybody(cashier, signed, settings.public_url, trusted, account, clock),
            verifying.of_everybody(signed, settings.public_url),
            banks.of_banks(keys, clock),
            national.of_the_platform(gateways.by_name.get("national"), platform_key, directory(), clock),
            rings.of_operators(),
            balances.of_operators(gateways),
            reconciliation.of_operators(reconciler),
            differences.of_operators(),
        ],
        consumes=[
            Fold(
                "payments.bills",
                dossiers.TOPIC,
                into=store.bills.aggregate,
                on={
                    dossiers.Submitted: opening.open_bill,
                    dossiers.FeesRequested: opening.open_later_bill,
                    dossiers.FeesWithdrawn: ending.take_back,
                    dossiers.Refused: ending.withdraw,
                    dossiers.Stopped: ending.withdraw,
                },
                route=opening.concerned,
            ),
            Fold(
                "payments.dossiers",
                dossiers.TOPIC,
                into=store.facts.aggregate,
                on=dict.fromkeys(dossiers.EVENTS, dossier_fact.noted),
            ),
        ],
        publishes=[contract.TOPIC],
        decides=[
            Decides(
                store.bills.aggregate,
                commands={
                    messages.StartCheckout: checkout.start_checkout,
                    messages.CancelCheckout: checkout.cancel_checkout,
                    messages.AbandonPage: abandoning.abandon_page,
                    messages.PayElsewhere: elsewhere.pay_elsewhere,
                    messages.RequestRefund: requesting.request_refund,
                    messages.PayOut: refunded.pay_out,
                    messages.TakeOver: refunded.take_over,
                    messages.Settle: settling.settle,
                    messages.Nudge: checkout.nudge,
                },
                timers={
                    messages.BillExpiry: ending.expire,
                    messages.BillReminder: ending.remind,
                    messages.AttemptSilence: checkout.ask_after_silence,
                },
                answers={
                    answers.CheckoutCreated: checkout.checkout_created,
                    answers.CheckoutRefused: checkout.checkout_refused,
                    answers.SessionClosed: checkout.session_closed,
                    answers.StillOpen: checkout.still_open,
                    answers.Captured: money.captured,
                    answers.RefundDone: refunded.refund_done,
                    answers.RefundRefused: refunded.refund_refused,
                },
            ),
            Decides(
                store.differences.aggregate,
                commands={
                    difference.Found: explaining.found,
                    difference.Gone: explaining.gone,
                    difference.Explain: explaining.explain,
                    difference.Assign: explaining.assign,
                    difference.Return: explaining.send_back,
                    difference.TakeOver: explaining.take_over,
                    difference.PayOutByHand: explaining.pay_out,
                },
                answers={
                    answers.RefundDone: explaining.returned,
                    answers.RefundRefused: explaining.not_returned,
                },
            ),
        ],
        calls={
            questions.CreateCheckout: gateways.create_checkout,
            questions.AskCheckout: gateways.ask_checkout,
            questions.CloseCheckout: gateways.close_checkout,
            questions.Refund: gateways.refund,
            questions.AskRefund: gateways.ask_refund,
        },
        chores=[
            Chore("payments.rings", 60.0, store.rings.prune),
            Chore("payments.banks", 60.0, store.banks.forget),
            Chore("payments.reconciliations", 3600.0, store.differences.prune),
            Missed(gateways.by_name, clock).chore,
            *reconciler.chores,
        ],
        backgrounds=[
            Background("payments.rings", store.rings.CHANNEL, WorkingOff(gateways.by_name, ring_metrics).work_off),
            *reconciler.backgrounds,
        ],
        measures=[gateways.health, *ring_metrics.collectors, unexplained],
        refreshes=[ring_metrics.refresh, unexplained.refresh],
    )
