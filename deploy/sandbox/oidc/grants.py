"""The token endpoint: who the client is, and what each grant type gives (RFC 6749 4–6)."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from deploy.sandbox.kit.requests import same_secret
from deploy.sandbox.oidc.parameters import OAuthError, granted_scope
from deploy.sandbox.oidc.registry import Client, Registry
from deploy.sandbox.oidc.store import SignIn, Store
from deploy.sandbox.oidc.tokens import Grant, Tokens

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def authenticate(parameters: Mapping[str, str], authorization: str, registry: Registry) -> Client:
    """The client, by client_secret_basic, client_secret_post, or (a public one) by its name; raises OAuthError."""
    identifier, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if authorization.lower().startswith("basic "):
        try:
            decoded = base64.b64decode(authorization[6:], validate=True).decode()
        except ValueError as error:
            raise OAuthError("invalid_client", "the Authorization header cannot be read", 401) from error
        identifier, secret = (unquote_plus(part) for part in decoded.partition(":")[::2])
    client = registry.clients.get(identifier)
    if client is None or (client.secret is not None and not same_secret(secret, client.secret)):
        raise OAuthError("invalid_client", "unknown client or wrong secret", 401)
    return client


@dataclass(frozen=True)
class Grants:
    registry: Registry
    store: Store
    tokens: Tokens

    def answer(self, parameters: Mapping[str, str], client: Client) -> dict[str, Any]:
        """The token response; raises OAuthError."""
        grant_types = {
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            "client_credentials": self._client_credentials,
            "password": self._password,
        }
        name = parameters.get("grant_type", "")
        if name not in grant_types:
            raise OAuthError("unsupported_grant_type", f"grant_type must be one of {', '.join(grant_types)}")
        if name not in client.grants:
            raise OAuthError("unauthorized_client", f"the client may not use {name}")
        return grant_types[name](parameters, client)

    def _code(self, parameters: Mapping[str, str], client: Client) -> dict[str, Any]:
        verifier = parameters.get("code_verifier", "")
        if not VERIFIER.fullmatch(verifier):
            raise OAuthError("invalid_request", "code_verifier must be 43 to 128 unreserved characters")
        code = self.store.redeem_code(parameters.get("code", ""))
        if code is None or code.sign_in.client_id != client.client_id:
            raise OAuthError("invalid_grant", "the code is unknown, expired, used, or another client's")
        if code.redirect_uri != parameters.get("redirect_uri"):
            raise OAuthError("invalid_grant", "redirect_uri is not the one of the authorization request")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        if not same_secret(challenge.decode(), code.challenge):
            raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge")
        return self._signed_in(code.sign_in, code.nonce, code.family)

    def _refresh(self, parameters: Mapping[str, str], client: Client) -> dict[str, Any]:
        found = self.store.redeem_refresh(parameters.get("refresh_token", ""))
        if found is None or found[0].client_id != client.client_id:
            raise OAuthError("invalid_grant", "the refresh token is unknown, expired, used, or another client's")
        return self._signed_in(found[0], None, found[1])

    def _client_credentials(self, parameters: Mapping[str, str], client: Client) -> dict[str, Any]:
        scope = granted_scope(parameters.get("scope", ""))
        return self.tokens.issue(Grant(client.claims(), client.client_id, scope))

    def _password(self, parameters: Mapping[str, str], client: Client) -> dict[str, Any]:
        persona = self.registry.personas.get(parameters.get("username", ""))
        if persona is None or not same_secret(parameters.get("password", ""), persona.password):
            raise OAuthError("invalid_grant", "unknown username or wrong password")
        scope = granted_scope(parameters.get("scope", ""))
        return self._signed_in(SignIn(persona.username, client.client_id, scope, int(time.time())), None, None)

    def _signed_in(self, sign_in: SignIn, nonce: str | None, family: str | None) -> dict[str, Any]:
        persona = self.registry.personas.get(sign_in.username)
        if persona is None:
            raise OAuthError("invalid_grant", "the person no longer exists")
        grant = Grant(persona.claims(), sign_in.client_id, sign_in.scope, sign_in.signed_in_at, nonce)
        return self.tokens.issue(grant) | {"refresh_token": self.store.add_refresh(sign_in, family)}
