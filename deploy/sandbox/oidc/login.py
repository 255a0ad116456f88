"""What a browser meets: the login page, the way back to the application, signing out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from deploy.sandbox.kit.pages import page, templates
from deploy.sandbox.kit.requests import bounded_body
from deploy.sandbox.oidc.authorization import (
    AuthorizationRequest,
    Destination,
    UntrustedRedirectError,
    read_destination,
    read_request,
)
from deploy.sandbox.oidc.parameters import OAuthError, read_form, with_parameters
from deploy.sandbox.oidc.registry import Registry
from deploy.sandbox.oidc.store import SignIn, Store, hashed
from deploy.sandbox.oidc.tokens import Tokens

LARGEST_BODY = 64 * 1024
ROLES = {"citizen": "Công dân", "officer": "Cán bộ", "operator": "Vận hành"}


@dataclass(frozen=True)
class Login:
    registry: Registry
    store: Store
    tokens: Tokens

    async def authorize(self, request: Request) -> Response:
        """Straight back for a browser that is signed in, otherwise by way of the login page (its form posts here)."""
        try:
            parameters = await form_or_query(request)
            destination = read_destination(parameters, self.registry)
        except (UntrustedRedirectError, OAuthError) as error:
            return page(PAGES, "message.html", 400, title="Yêu cầu đăng nhập không hợp lệ", text=str(error))
        try:
            asked = read_request(parameters, destination.client)
            if request.method == "POST":
                return self._sign_in(parameters, destination, asked)
            cookie = request.cookies.get(self._cookie_name, "")
            session = self.store.session(cookie)
            if session is not None and not asked.prompts & {"login", "select_account"}:
                return self._back_with_code(destination, asked, cookie, *session)
            if "none" in asked.prompts:
                raise OAuthError("login_required", "nobody is signed in")
        except OAuthError as error:
            return self._back(destination, error.fields())
        return self._page(parameters, destination)

    def _page(self, parameters: dict[str, str], destination: Destination) -> Response:
        return page(
            PAGES,
            "login.html",
            parameters=parameters,
            client=destination.client,
            groups=self.groups(),
            agencies=self.registry.agencies,
            hint=parameters.get("login_hint", ""),
        )

    def groups(self) -> list[tuple[str, list[object]]]:
        """The personas under the Vietnamese name of their role."""
        personas = self.registry.personas.values()
        return [(ROLES[role], list(group)) for role, group in groupby(personas, lambda persona: persona.role)]

    def _sign_in(self, parameters: dict[str, str], destination: Destination, asked: AuthorizationRequest) -> Response:
        persona = self.registry.personas.get(parameters.get("persona", ""))
        if persona is None:
            return self._page(parameters, destination)
        cookie, signed_in_at = self.store.open_session(persona.username)
        response = self._back_with_code(destination, asked, cookie, persona.username, signed_in_at)
        response.set_cookie(self._cookie_name, cookie, httponly=True, samesite="lax")
        return response

    def _back_with_code(
        self, destination: Destination, asked: AuthorizationRequest, cookie: str, username: str, signed_in_at: int
    ) -> Response:
        sign_in = SignIn(username, destination.client.client_id, asked.scope, signed_in_at, hashed(cookie))
        code = self.store.add_code(sign_in, destination.redirect_uri, asked.challenge, asked.nonce)
        return self._back(destination, {"code": code})

    def _back(self, destination: Destination, answer: dict[str, str]) -> Response:
        """To the application, naming ourselves so that answers of two providers are never mixed up (RFC 9207)."""
        state = {} if destination.state is None else {"state": destination.state}
        uri = with_parameters(destination.redirect_uri, answer | state | {"iss": self.tokens.issuer})
        return RedirectResponse(uri, 303, {"Cache-Control": "no-store"})

    async def end_session(self, request: Request) -> Response:
        """Sign out, and back to the application where it may ask for that (OpenID Connect RP-Initiated Logout)."""
        try:
            parameters = await form_or_query(request)
        except OAuthError as error:
            return page(PAGES, "message.html", 400, title="Yêu cầu đăng xuất không hợp lệ", text=str(error))
        self.store.close_session(request.cookies.get(self._cookie_name, ""))
        hint = self.tokens.read(parameters.get("id_token_hint", ""), "JWT", expired=True) or {}
        client = self.registry.clients.get(hint.get("aud") or parameters.get("client_id", ""))
        uri = parameters.get("post_logout_redirect_uri", "")
        if uri and client is not None and client.may_redirect_to(uri):
            state = {"state": parameters["state"]} if "state" in parameters else {}
            response: Response = RedirectResponse(with_parameters(uri, state), 303)
        else:
            response = page(PAGES, "message.html", title="Đã đăng xuất", text="Bạn có thể đóng trang này.")
        response.delete_cookie(self._cookie_name)
        return response

    @property
    def _cookie_name(self) -> str:
        """Browsers do not keep cookies of two ports apart."""
        return f"motcua_sandbox_login_{urlsplit(self.tokens.issuer).port or 80}"


async def form_or_query(request: Request) -> dict[str, str]:
    """The parameters of a GET's query or a POST's form; raises OAuthError."""
    if request.method == "POST":
        return read_form(await bounded_body(request, LARGEST_BODY))
    return read_form(request.url.query)


PAGES = templates(Path(__file__).parent / "templates")
