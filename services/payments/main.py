"""payments: its table of contents."""

from __future__ import annotations

from chassis.consumer import Fold
from chassis.decider import Decides
from chassis.service import Service
from contracts import dossiers
from contracts import payments as contract
from contracts.registry import EVENTS
from services.payments import api, store, webhooks
from services.payments.adapters import stripe
from services.payments.domain import bill, checkout, gateway, money, opening
from services.payments.settings import PaymentsSettings


def payments(settings: PaymentsSettings) -> Service:
    """Collects fees.

    Reads dossiers.v1, writes payments.v1; owns bills, the ledger and receipts; waits for the last day to pay and for
    silence on an open page; calls the gateway.
    """
    client = stripe.client(settings.gateway_url, settings.gateway_secret_key.get_secret_value())
    port = stripe.Stripe(client)
    return Service(
        name="payments",
        description="Thu phí, lệ phí trực tuyến. / Fees, paid online.",
        settings=settings,
        registry=EVENTS,
        routes=[
            api.of_citizens(settings.return_url),
            api.of_browsers(),
            api.of_operators(),
            webhooks.of_gateway(settings.gateway_webhook_secret.get_secret_value()),
        ],
        consumes=[
            Fold(
                "payments.bills",
                dossiers.TOPIC,
                into=store.bills,
                on={
                    dossiers.Submitted: opening.open_bill,
                    dossiers.FeesRequested: opening.open_later_bill,
                    dossiers.Refused: checkout.withdraw,
                    dossiers.Stopped: checkout.withdraw,
                },
                route=opening.concerned,
            ),
        ],
        publishes=[contract.TOPIC],
        decides=[
            Decides(
                store.bills,
                commands={bill.StartCheckout: checkout.start_checkout, bill.Nudge: checkout.nudge},
                timers={bill.BillExpiry: checkout.expire, bill.AttemptSilence: checkout.ask_after_silence},
                answers={
                    gateway.CheckoutCreated: checkout.checkout_created,
                    gateway.CheckoutRefused: checkout.checkout_refused,
                    gateway.SessionClosed: checkout.session_closed,
                    gateway.StillOpen: checkout.still_open,
                    gateway.Captured: money.captured,
                    gateway.RefundDone: money.refund_done,
                    gateway.RefundRefused: money.refund_refused,
                    bill.ReceiptNumbered: money.receipt_numbered,
                },
            ),
        ],
        calls={
            gateway.CreateCheckout: port.create_checkout,
            gateway.AskCheckout: port.ask_checkout,
            gateway.CloseCheckout: port.close_checkout,
            gateway.Refund: port.refund,
            gateway.AskRefund: port.ask_refund,
            bill.IssueReceipt: store.issue_receipt,
        },
    )
