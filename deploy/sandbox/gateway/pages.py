"""The pages a person sees: checkout, 3-D Secure, and what became of it. Plain HTML forms, no script.

`POST /c/pay/{session}` takes card_number, card_expiry (MM/YY), card_cvc and, if the person likes, card_name and email.
A card that is declined comes back as the page with 402, a mistyped one with 400, both with the error beside its field.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.gateway import cards, checkout, money, payment_methods, payments
from deploy.sandbox.gateway.card_form import CardForm
from deploy.sandbox.gateway.deliveries import Deliveries
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Office, Work
from deploy.sandbox.kit.pages import VIETNAM, page, templates
from deploy.sandbox.kit.requests import bounded_body

PAGES = templates(Path(__file__).parent / "templates")
PAGES.filters["money"] = money.written
PAGES.filters["grouped"] = cards.grouped
LARGEST_FORM = 16 * 1024
PAID = ("succeeded", "processing", "requires_capture")


@dataclass(frozen=True)
class Pages:
    office: Office
    deliveries: Deliveries

    def routes(self) -> list[Route]:
        return [
            Route("/c/pay/{session}", self.show, methods=["GET"]),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/3ds/{secret}", self.ask, methods=["GET"]),
            Route("/3ds/{secret}", self.decide, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        session = self.office.store.find("checkout.session", request.path_params["session"])
        if session is None:
            return self._notice("unknown", 404)
        return self._checkout(session, CardForm(email=session["customer_email"] or ""))

    async def pay(self, request: Request) -> Response:
        entered = await typed(request)
        if (refusal := await self._before(request)) is not None:
            return refusal
        session = self.office.store.find("checkout.session", request.path_params["session"])
        if session is None:
            return self._notice("unknown", 404)
        if session["status"] == "complete":
            return RedirectResponse(success_url(session), 303)
        form = CardForm.read(entered, datetime.fromtimestamp(self.office.clock(), VIETNAM))
        if session["status"] == "expired" or form.errors:
            return self._checkout(session, form, 400)
        intent, work = self.office.run(lambda work: _pay(work, session["id"], form))
        await self._after(request, work)
        return self._outcome(intent, form)

    async def ask(self, request: Request) -> Response:
        intent = self._by_secret(request.path_params["secret"])
        if intent is None:
            return self._notice("unknown", 404)
        if intent["status"] != "requires_action":
            return self._outcome(intent, CardForm())
        method = self.office.store.get("payment_method", intent["payment_method"])
        return page(PAGES, "three_d_secure.html", intent=intent, card=method["card"])

    async def decide(self, request: Request) -> Response:
        authorised = (await typed(request)).get("decision") == "authorise"
        if (refusal := await self._before(request)) is not None:
            return refusal
        intent = self._by_secret(request.path_params["secret"])
        if intent is None:
            return self._notice("unknown", 404)
        identifier: str = intent["id"]
        decided, work = self.office.run(lambda work: _decide(work, identifier, authorised=authorised))
        await self._after(request, work)
        return self._outcome(decided, CardForm(), failed=not authorised)

    def _by_secret(self, secret: str) -> Object | None:
        intent = self.office.store.find("payment_intent", secret.partition("_secret_")[0])
        return intent if intent is not None and intent["client_secret"] == secret else None

    def _outcome(self, intent: Object, form: CardForm, *, failed: bool = False) -> Response:
        """Where the person goes from here: on, to 3-D Secure, or back to the form."""
        session = self.office.store.find("checkout.session", intent.get("_session") or "")
        if intent["status"] == "requires_action":
            return RedirectResponse(f"/3ds/{intent['client_secret']}", 303)
        if session is None:
            return self._back_to_merchant(intent)
        if session["status"] == "complete":
            return RedirectResponse(success_url(session), 303)
        if failed:
            return self._checkout(session, CardForm(email=session["customer_email"] or ""), 402)
        form.number = form.expiry = form.cvc = ""
        return self._checkout(session, form, 402)

    def _back_to_merchant(self, intent: Object) -> Response:
        """A 3-D Secure page that the API sent the person to: to the `return_url` that the merchant gave."""
        if not intent.get("_return_url"):
            return self._notice("authenticated" if intent["status"] in PAID else "refused", 200)
        told = {
            "payment_intent": intent["id"],
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if intent["status"] in PAID else "failed",
        }
        url = intent["_return_url"]
        return RedirectResponse(f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(told)}", 303)

    def _checkout(self, session: Object, form: CardForm, status: int = 200) -> Response:
        if session["status"] == "expired":
            return self._notice("expired", 410, session)
        if session["status"] == "complete":
            return self._notice("paid", 200, session, success_url(session))
        decline = (
            _decline(self.office.store.find("payment_intent", session["payment_intent"] or ""))
            if status == 402
            else None
        )
        if decline is not None:
            form.errors[decline.field] = (decline.advice, decline.message)
        response = page(
            PAGES, "checkout.html", status, session=session, form=form, items=session["_items"], cards=cards.CARDS,
        )  # fmt: skip
        policy, origin = response.headers["Content-Security-Policy"], urlsplit(session["success_url"])
        response.headers["Content-Security-Policy"] = f"{policy} {origin.scheme}://{origin.netloc}"
        return response

    def _notice(self, what: str, status: int, session: Object | None = None, link: str | None = None) -> Response:
        return page(PAGES, "notice.html", status, what=what, session=session, link=link)

    async def _before(self, request: Request) -> Response | None:
        known = self.office.faults
        if known.befalls("storm_500", request):
            return self._notice("unwell", 500)
        await known.delays(request)
        gone = await known.silences("timeout_before", request)
        return Response(status_code=504) if gone else None

    async def _after(self, request: Request, work: Work) -> None:
        known = self.office.faults
        if work.deliveries and known.befalls("webhook_before_response", request):
            await self.deliveries.send_now(work)
        await known.silences("timeout_after_charge", request)


def success_url(session: Object) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _pay(work: Work, identifier: str, form: CardForm) -> Object:
    session = work.store.get("checkout.session", identifier)
    card = cards.BY_NUMBER.get(form.number, cards.STRANGER)
    method = payment_methods.keep(
        work, card, form.number[-4:], (form.month, form.year),
        name=form.name or None, email_address=form.email or session["customer_email"],
    )  # fmt: skip
    return checkout.pay(work, session, method)


def _decide(work: Work, identifier: str, *, authorised: bool) -> Object:
    """The person's answer to the bank's question, if the bank still waits for it."""
    intent = work.store.get("payment_intent", identifier)
    if intent["status"] != "requires_action":
        return intent
    method = work.store.get("payment_method", intent["payment_method"])
    if authorised:
        payments.attempt(work, intent, method, authenticated=True)
    else:
        payments.fail(work, intent, payments.AUTHENTICATION_FAILED, method, None)
    checkout.follow(work, intent)
    return intent


def _decline(intent: Object | None) -> cards.Decline | None:
    """Why the last card was declined, in the words of the table of cards."""
    error: dict[str, Any] = (intent or {}).get("last_payment_error") or {}
    known = [card.decline for card in (*cards.CARDS, cards.STRANGER) if card.decline is not None]
    known += [payments.AUTHENTICATION_FAILED]
    told = (error.get("code"), error.get("decline_code", ""))
    return next((decline for decline in known if (decline.code, decline.decline_code) == told), None)


async def typed(request: Request) -> dict[str, str]:
    """The fields of a form as a browser sends it."""
    body = await bounded_body(request, LARGEST_FORM)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
