"""Who is calling: OIDC access tokens (RFC 9068), verified with the issuer's published keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from chassis.errors import Refusal, Retry

Role = Literal["citizen", "officer", "agency-system", "operator"]

_ALGORITHMS = ["RS256", "ES256", "EdDSA", "Ed25519"]
_ROLES = {"citizen", "officer", "agency-system", "operator"}
_KEYS_SECONDS = 600.0
_LOOK_SECONDS = 10.0
_LEEWAY_SECONDS = 30
# TypeError and RecursionError too: headers of the wrong shape are looked at before any signature is.
_NOT_A_TOKEN = (JoseError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a citizen with a person id, or an officer or system of one agency, or an operator."""

    subject: str
    role: Role
    name: str = ""
    person_id: UUID | None = None
    agency: str | None = None
    department: str | None = None


def unauthenticated(reason: str) -> Refusal:
    return Refusal(
        "unauthenticated",
        "Bạn cần đăng nhập lại: mã truy cập thiếu, sai hoặc đã hết hạn.",
        f"Sign in again: {reason}.",
        401,
    )


class Verifier:
    """Verifies bearer tokens of one issuer for one audience; fetches its keys when needed and keeps them a while."""

    def __init__(
        self, issuer: str, audience: str, client: httpx.AsyncClient, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer, self._audience, self._client = issuer.rstrip("/"), audience, client
        self._seconds = seconds
        self._keys: KeySet | None = None
        self._looked = 0.0
        self._turn = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def caller(self, authorization: str | None) -> Caller:
        """The caller that an Authorization header proves.

        Raises Refusal 401 for a token that is missing, unsigned, expired or meant for somebody else; Retry when the
        issuer's keys cannot be had.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("no bearer token")
        try:
            kid = _key_of(token)
            decoded = jwt.decode(token, await self._keys_with(kid), algorithms=_ALGORITHMS)
        except _NOT_A_TOKEN:
            raise unauthenticated("the token is not signed by our issuer") from None
        return self._caller(decoded.claims)

    def _caller(self, claims: dict[str, object]) -> Caller:
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
            role = claims.get("role")
            if role not in _ROLES:
                raise ValueError("role")
            person = claims.get("person_id")
            return Caller(
                subject=str(claims["sub"]),
                role=role,  # type: ignore[arg-type]
                name=str(claims.get("name", "")),
                person_id=UUID(str(person)) if person else None,
                agency=_text(claims.get("agency")),
                department=_text(claims.get("department")),
            )
        except (JoseError, ValueError, TypeError) as error:
            raise unauthenticated(f"claim not accepted: {getattr(error, 'claim', error)}") from None

    async def _keys_with(self, kid: str) -> KeySet:
        """The issuer's keys. Only a token with a key that we do not know waits for the issuer, and that key is looked
        for at most every ten seconds; a known key never waits, however slow the issuer is.
        """
        if self._keys is not None and _has(self._keys, kid):
            if self._seconds() - self._looked > _KEYS_SECONDS and self._renewing is None:
                self._renewing = asyncio.create_task(self._renew())
            return self._keys
        async with self._turn:
            unknown = self._keys is None or not _has(self._keys, kid)
            if self._keys is None or (unknown and self._seconds() - self._looked > _LOOK_SECONDS):
                await self._look()
        if self._keys is None:
            raise Retry("the identity provider is away")
        return self._keys

    async def _renew(self) -> None:
        try:
            await self._look()
        finally:
            self._renewing = None

    async def _look(self) -> None:
        self._looked = self._seconds()
        self._keys = await self._fetch()

    async def _fetch(self) -> KeySet:
        try:
            found = await self._client.get(f"{self._issuer}/.well-known/openid-configuration")
            keys = await self._client.get(found.raise_for_status().json()["jwks_uri"])
            return KeySet.import_key_set(keys.raise_for_status().json())
        except (httpx.HTTPError, JoseError, LookupError, TypeError, ValueError) as error:
            if self._keys is not None:
                return self._keys
            raise Retry(f"the identity provider is away: {type(error).__name__}") from None


def _key_of(token: str) -> str:
    """The name of the key that a token says it is signed with. Raises for one that none of ours can have signed."""
    header = extract_compact(token.encode()).headers()
    if header.get("alg") not in _ALGORITHMS or not isinstance(header.get("kid"), str):
        raise ValueError("no key or algorithm of ours")
    return str(header["kid"])


def _has(keys: KeySet, kid: str) -> bool:
    return any(key.kid == kid for key in keys.keys)


def _text(value: object) -> str | None:
    return str(value) if value else None
