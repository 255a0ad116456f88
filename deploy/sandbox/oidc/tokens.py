"""The tokens: access tokens for the services (RFC 9068) and ID tokens for the application (OpenID Connect Core 2)."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from typing import Any

import uuid_utils
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.oidc.keys import ALGORITHM, Keys

AUDIENCE = "motcua"
LIFETIME_SECONDS = 15 * 60


@dataclass(frozen=True)
class Grant:
    """What was granted: by whom (`claims` of a persona or of a client), to which client, when signed in."""

    claims: dict[str, Any]
    client_id: str
    scope: str
    auth_time: int | None = None
    nonce: str | None = None


@dataclass(frozen=True)
class Tokens:
    """Signs what is granted. `issuer` is the provider's public address."""

    issuer: str
    keys: Keys
    faults: Faults

    def issue(self, grant: Grant) -> dict[str, Any]:
        """The token response (RFC 6749 5.1) without a refresh token."""
        issued_at = int(time.time())
        if self.faults.fires("expired_tokens"):
            issued_at -= 2 * LIFETIME_SECONDS
        access = self._access(grant, issued_at)
        answer = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": grant.scope,
        }
        if "openid" in grant.scope.split() and grant.auth_time is not None:
            answer["id_token"] = self._identity(grant, issued_at, access)
        return answer

    def _access(self, grant: Grant, issued_at: int) -> str:
        audience = "someone-else" if self.faults.fires("wrong_audience") else AUDIENCE
        claims = self._claims(grant, issued_at) | {
            "aud": audience,
            "client_id": grant.client_id,
            "scope": grant.scope,
            "jti": str(uuid_utils.uuid7()),
        }
        return self._sign("at+jwt", claims)

    def _identity(self, grant: Grant, issued_at: int, access: str) -> str:
        half = hashlib.sha256(access.encode()).digest()[:16]
        nonce = {"nonce": grant.nonce} if grant.nonce else {}
        claims = self._claims(grant, issued_at) | {"aud": grant.client_id, "azp": grant.client_id} | nonce
        return self._sign("JWT", claims | {"at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode()})

    def _claims(self, grant: Grant, issued_at: int) -> dict[str, Any]:
        times = {"iat": issued_at, "exp": issued_at + LIFETIME_SECONDS}
        signed_in = {} if grant.auth_time is None else {"auth_time": grant.auth_time}
        return grant.claims | {"iss": self.issuer} | times | signed_in

    def _sign(self, kind: str, claims: dict[str, Any]) -> str:
        key = self.keys.signing
        return jwt.encode({"alg": ALGORITHM, "typ": kind, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def read(self, token: str, kind: str, *, expired: bool = False) -> dict[str, Any] | None:
        """The claims of a token that we signed; None when it is forged, of another kind or (unless allowed) expired."""
        try:
            found = jwt.decode(token, KeySet(list(self.keys.ring)), algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        if found.header.get("typ") != kind or found.claims.get("iss") != self.issuer:
            return None
        return dict(found.claims) if expired or found.claims["exp"] > time.time() else None
