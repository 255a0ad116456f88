"""An OpenID Connect provider of fictional people: code with PKCE, refresh, client credentials, password."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import page
from deploy.sandbox.kit.requests import bearer, bounded_body
from deploy.sandbox.oidc.grants import Grants, authenticate
from deploy.sandbox.oidc.keys import ALGORITHM, Keys
from deploy.sandbox.oidc.login import LARGEST_BODY, PAGES, Login
from deploy.sandbox.oidc.parameters import SCOPES, OAuthError, read_form
from deploy.sandbox.oidc.registry import Registry
from deploy.sandbox.oidc.store import Store
from deploy.sandbox.oidc.tokens import Tokens

FAULTS = {
    "token_500": "POST /token is answered with 500, nothing is issued or used up",
    "jwks_away": "GET /jwks is answered with 503",
    "slow": "/token, /jwks and /userinfo answer delay_seconds (1 when 0) later",
    "expired_tokens": "the tokens of one response have expired before they are issued",
    "wrong_audience": "an access token is issued for someone else",
}
NOT_STORED = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Settings:
    """`issuer`: the provider's address as everybody reaches it, without a slash at the end."""

    data: Path
    issuer: str


def application(settings: Settings) -> Starlette:
    """The provider's server."""
    registry, store, faults = Registry.load(), Store.open(settings.data), Faults(FAULTS)
    tokens = Tokens(settings.issuer.rstrip("/"), Keys.open(settings.data / "oidc-keys.json"), faults)
    login = Login(registry, store, tokens)
    provider = Provider(registry, Grants(registry, store, tokens), tokens, login, faults)
    both = ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/jwks", provider.jwks),
            Route("/authorize", login.authorize, methods=both),
            Route("/token", provider.token, methods=["POST"]),
            Route("/userinfo", provider.userinfo, methods=both),
            Route("/logout", login.end_session, methods=both),
            Route("/", provider.people),
            Route("/healthz", provider.health),
            Route("/_control/keys/rotate", provider.rotate, methods=["POST"]),
            *faults.routes(),
        ]
    )


def metadata(issuer: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, 3."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/logout",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", "password"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_supported": ["sub", "name", "role", "person_id", "agency", "department"],
        "ui_locales_supported": ["vi"],
    }


@dataclass(frozen=True)
class Provider:
    registry: Registry
    grants: Grants
    tokens: Tokens
    login: Login
    faults: Faults

    async def discovery(self, _: Request) -> JSONResponse:
        return JSONResponse(metadata(self.tokens.issuer))

    async def jwks(self, _: Request) -> JSONResponse:
        await self._slow()
        if self.faults.fires("jwks_away"):
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        return JSONResponse(self.tokens.keys.public())

    async def token(self, request: Request) -> JSONResponse:
        body = await bounded_body(request, LARGEST_BODY)
        await self._slow()
        if self.faults.fires("token_500"):
            return JSONResponse({"error": "server_error"}, 500)
        try:
            parameters = read_form(body)
            client = authenticate(parameters, request.headers.get("authorization", ""), self.registry)
            return JSONResponse(self.grants.answer(parameters, client), headers=NOT_STORED)
        except OAuthError as error:
            challenge = {"WWW-Authenticate": 'Basic realm="motcua sandbox"'} if error.status == 401 else {}
            return JSONResponse(error.fields(), error.status, NOT_STORED | challenge)

    async def userinfo(self, request: Request) -> Response:
        await self._slow()
        claims = self.tokens.read(bearer(request), "at+jwt")
        if claims is None:
            challenge = 'Bearer error="invalid_token", error_description="missing, forged or expired"'
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": challenge})
        told = ("sub", "name", "role", "person_id", "agency", "department")
        return JSONResponse({name: claims[name] for name in told if name in claims}, headers=NOT_STORED)

    async def people(self, _: Request) -> Response:
        return page(
            PAGES,
            "people.html",
            groups=self.login.groups(),
            agencies=self.registry.agencies,
            clients=self.registry.clients.values(),
            issuer=self.tokens.issuer,
        )

    async def rotate(self, _: Request) -> JSONResponse:
        return JSONResponse({"kid": await self.tokens.keys.rotate()})

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _slow(self) -> None:
        if fault := self.faults.fires("slow"):
            await asyncio.sleep(fault.delay_seconds or 1.0)
