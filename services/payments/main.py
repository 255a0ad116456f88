"""payments: its table of contents."""

from __future__ import annotations

from chassis.backgrounds import Background
from chassis.chores import Chore
from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.service import Service
from contracts import dossiers
from contracts import payments as contract
from contracts.registry import EVENTS
from services.payments import store, webhooks
from services.payments.adapters.gateways import Gateways
from services.payments.api import citizens, rings
from services.payments.domain import (
    checkout,
    elsewhere,
    ending,
    gateway,
    messages,
    money,
    opening,
    refunding,
    requesting,
    settling,
)
from services.payments.ring_metrics import RingMetrics
from services.payments.settings import PaymentsSettings
from services.payments.working_off import WorkingOff


def payments(settings: PaymentsSettings) -> Service:
    """Collects fees.

    Reads dossiers.v1, writes payments.v1; owns bills, the ledger and receipts; waits for the last day to pay and for
    silence on an open page; calls the gateways.
    """
    gateways, ring_metrics = Gateways.from_settings(settings), RingMetrics()
    return Service(
        name="payments",
        description="Thu phí, lệ phí trực tuyến. / Fees, paid online.",
        settings=settings,
        registry=EVENTS,
        routes=[
            citizens.of_citizens(settings.return_url, gateways),
            citizens.of_browsers(),
            citizens.of_operators(),
            rings.of_operators(),
            webhooks.of_gateways(gateways, ring_metrics),
        ],
        consumes=[
            Fold(
                "payments.bills",
                dossiers.TOPIC,
                into=store.bills.aggregate,
                on={
                    dossiers.Submitted: opening.open_bill,
                    dossiers.FeesRequested: opening.open_later_bill,
                    dossiers.Refused: ending.withdraw,
                    dossiers.Stopped: ending.withdraw,
                },
                route=opening.concerned,
            ),
        ],
        publishes=[contract.TOPIC],
        decides=[
            Decides(
                store.bills.aggregate,
                commands={
                    messages.StartCheckout: checkout.start_checkout,
                    messages.CancelCheckout: checkout.cancel_checkout,
                    messages.PayElsewhere: elsewhere.pay_elsewhere,
                    messages.RequestRefund: requesting.request_refund,
                    messages.PayOut: refunding.pay_out,
                    messages.Settle: settling.settle,
                    messages.Nudge: checkout.nudge,
                },
                timers={
                    messages.BillExpiry: ending.expire,
                    messages.BillReminder: ending.remind,
                    messages.AttemptSilence: checkout.ask_after_silence,
                },
                answers={
                    gateway.CheckoutCreated: checkout.checkout_created,
                    gateway.CheckoutRefused: checkout.checkout_refused,
                    gateway.SessionClosed: checkout.session_closed,
                    gateway.StillOpen: checkout.still_open,
                    gateway.Captured: money.captured,
                    gateway.RefundDone: refunding.refund_done,
                    gateway.RefundRefused: refunding.refund_refused,
                },
            ),
        ],
        calls={
            gateway.CreateCheckout: gateways.create_checkout,
            gateway.AskCheckout: gateways.ask_checkout,
            gateway.CloseCheckout: gateways.close_checkout,
            gateway.Refund: gateways.refund,
            gateway.AskRefund: gateways.ask_refund,
        },
        chores=[Chore("payments.rings", 60.0, store.rings.prune)],
        backgrounds=[
            Background("payments.rings", store.rings.CHANNEL, WorkingOff(gateways.by_name, ring_metrics).work_off)
        ],
        measures=[gateways.health, *ring_metrics.collectors],
        refreshes=[ring_metrics.refresh],
    )
