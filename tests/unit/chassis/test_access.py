"""Bearer tokens: only what our issuer signed, for us, and lately."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import OctKey

from chassis.access import Caller, Verifier
from chassis.errors import Refusal, Retry
from tests.issuer import AUDIENCE, Issuer, issuing, new_key

PERSON = "019ea9f2-7a08-7b11-9c22-0d33e44f5501"


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def issuer() -> Any:
    with issuing() as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def verifier(issuer: Issuer) -> AsyncIterator[Verifier]:
    async with httpx.AsyncClient() as client:
        yield Verifier(issuer.url, AUDIENCE, client)


async def refusal(verifier: Verifier, authorization: str | None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await verifier.caller(authorization)
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    return refused.value


async def test_a_good_token_says_who_is_calling(verifier: Verifier, issuer: Issuer) -> None:
    token = issuer.token("officer", sub="o1", name="Trần Văn Minh", agency="G09.20", department="Một cửa")
    expected = Caller("o1", "officer", "Trần Văn Minh", None, "G09.20", "Một cửa")
    assert await verifier.caller(f"Bearer {token}") == expected
    assert await verifier.caller(f"bearer {token}") == expected
    citizen = await verifier.caller(f"Bearer {issuer.token('citizen', person_id=PERSON)}")
    assert (citizen.role, citizen.person_id) == ("citizen", UUID(PERSON))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 4_000_000_000},
        {"aud": "another-service"},
        {"aud": None},
        {"aud": []},
        {"iss": "http://elsewhere"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"person_id": "not a uuid"},
        {"role": "admin"},
        {"role": ["officer"]},
        {"role": None},
        {"role": {}},
    ],
    ids=str,
)
async def test_a_signed_token_with_a_claim_that_is_not_right_is_refused(
    verifier: Verifier, issuer: Issuer, claims: dict[str, Any]
) -> None:
    role, more = claims.get("role", "citizen"), {name: value for name, value in claims.items() if name != "role"}
    await refusal(verifier, f"Bearer {issuer.token(role, **more)}")


async def test_clocks_may_differ_by_half_a_minute_and_no_more(verifier: Verifier, issuer: Issuer) -> None:
    await verifier.caller(f"Bearer {issuer.token('citizen', exp=int(time.time()) - 20)}")
    await refusal(verifier, f"Bearer {issuer.token('citizen', exp=int(time.time()) - 40)}")


async def test_one_of_several_audiences_is_enough(verifier: Verifier, issuer: Issuer) -> None:
    await verifier.caller(f"Bearer {issuer.token('citizen', aud=['other', AUDIENCE])}")


def part(value: bytes | str | dict[str, Any]) -> str:
    text = json.dumps(value) if isinstance(value, dict) else value
    coded = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(coded).decode().rstrip("=")


def claims_of(issuer: Issuer) -> dict[str, Any]:
    return {"iss": issuer.url, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 600, "role": "operator"}


async def test_a_token_that_nobody_signed_is_refused(verifier: Verifier, issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE"):
        unsigned = f"{part({'alg': algorithm, 'typ': 'at+jwt'})}.{part(claims_of(issuer))}."
        await refusal(verifier, f"Bearer {unsigned}")


async def test_the_public_key_is_no_secret_to_sign_with(verifier: Verifier, issuer: Issuer) -> None:
    """HS256 with the published key's PEM or JWK as the secret: the classic confusion of algorithms."""
    published = issuer.key.as_dict(private=False)
    secrets = [issuer.key.as_pem(private=False), json.dumps(published).encode()]
    for secret in secrets:
        key = OctKey.import_key(base64.urlsafe_b64encode(secret).decode())
        forged = jwt.encode({"alg": "HS256", "kid": issuer.key.kid}, claims_of(issuer), key, algorithms=["HS256"])
        await refusal(verifier, f"Bearer {forged}")


async def test_another_key_of_the_same_name_signs_nothing(verifier: Verifier, issuer: Issuer) -> None:
    stranger = new_key()
    forged = jwt.encode({"alg": "RS256", "kid": issuer.key.kid}, claims_of(issuer), stranger)
    await refusal(verifier, f"Bearer {forged}")
    brought = {"alg": "RS256", "jwk": stranger.as_dict(private=False)}
    await refusal(verifier, f"Bearer {jwt.encode(brought, claims_of(issuer), stranger)}")


async def test_a_changed_claim_breaks_the_signature(verifier: Verifier, issuer: Issuer) -> None:
    header, _, signature = issuer.token("citizen").split(".")
    await refusal(verifier, f"Bearer {header}.{part(claims_of(issuer))}.{signature}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "eDp5", "Bearer x y", "Bearer ...."])
async def test_what_is_no_bearer_token_is_refused(verifier: Verifier, header: str | None) -> None:
    told = await refusal(verifier, header)
    assert told.vi
    assert told.en


@pytest.mark.parametrize(
    "header", ["[]", '"x"', "{}", '{"alg":[]}', '{"alg":"RS256","kid":{}}', '{"alg":"RS256","crit":5}', "[" * 5_000]
)
async def test_a_header_of_a_strange_shape_is_refused(verifier: Verifier, header: str) -> None:
    await refusal(verifier, f"Bearer {part(header)}.{part('{}')}.AAAA")


@pytest.mark.parametrize("payload", ["[]", "5", "{", "[" * 5_000, b"\xff"])
async def test_signed_nonsense_is_refused(verifier: Verifier, issuer: Issuer, payload: str | bytes) -> None:
    signed = jws.serialize_compact({"alg": "RS256", "kid": issuer.key.kid}, payload, issuer.key)
    await refusal(verifier, f"Bearer {signed}")


@settings(max_examples=50, deadline=None)
@given(st.text() | st.lists(st.binary(), min_size=3, max_size=5).map(lambda parts: ".".join(map(part, parts))))
async def test_any_text_is_refused(verifier: Verifier, token: str) -> None:
    await refusal(verifier, f"Bearer {token}")


async def test_a_new_key_of_the_issuer_is_found_and_not_looked_for_at_every_request() -> None:
    clock = Clock()
    with issuing() as issuer:
        async with httpx.AsyncClient() as client:
            verifier = Verifier(issuer.url, AUDIENCE, client, clock)
            old = issuer.token("citizen")
            await verifier.caller(f"Bearer {old}")
            issuer.key = new_key()
            await refusal(verifier, f"Bearer {issuer.token('citizen')}")
            clock.now += 11
            await verifier.caller(f"Bearer {issuer.token('citizen')}")
            await refusal(verifier, f"Bearer {old}")


async def test_keys_are_kept_while_the_issuer_is_away() -> None:
    clock = Clock()
    async with httpx.AsyncClient() as client:
        with issuing() as issuer:
            verifier = Verifier(issuer.url, AUDIENCE, client, clock)
            token = issuer.token("citizen")
            await verifier.caller(f"Bearer {token}")
        clock.now += 3_600
        await verifier.caller(f"Bearer {token}")


async def test_without_any_key_the_caller_is_asked_to_come_again_not_turned_away() -> None:
    async with httpx.AsyncClient() as client:
        with issuing() as issuer:
            verifier, token = Verifier(issuer.url, AUDIENCE, client), issuer.token("citizen")
        with pytest.raises(Retry, match="identity provider is away"):
            await verifier.caller(f"Bearer {token}")


@pytest.mark.parametrize("document", [[], {}, {"keys": []}, {"keys": [{"kty": "RSA"}]}, {"keys": 5}])
async def test_an_issuer_that_publishes_nonsense_is_away(document: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with issuing() as issuer:
        configuration = issuer.published("/.well-known/openid-configuration")
        answers = {"/.well-known/openid-configuration": configuration, "/jwks": document}
        monkeypatch.setattr(issuer, "published", answers.get)
        async with httpx.AsyncClient() as client:
            with pytest.raises(Retry):
                await Verifier(issuer.url, AUDIENCE, client).caller(f"Bearer {issuer.token('citizen')}")


async def test_a_known_key_waits_for_no_issuer_however_slow_while_an_unknown_one_is_looked_for() -> None:
    """The issuer answers the second look only after the caller with the known key has been let in."""
    let_go, looks = asyncio.Event(), 0

    with issuing() as issuer:

        async def slow(request: httpx.Request) -> httpx.Response:
            nonlocal looks
            looks += request.url.path == "/jwks"
            if looks > 1:
                await let_go.wait()
            return httpx.Response(200, json=issuer.published(request.url.path))

        clock = Clock()
        async with httpx.AsyncClient(transport=httpx.MockTransport(slow)) as client:
            verifier = Verifier(issuer.url, AUDIENCE, client, clock)
            good = f"Bearer {issuer.token('citizen', person_id=PERSON)}"
            await verifier.caller(good)
            clock.now += 11
            stranger = asyncio.create_task(refusal(verifier, f"Bearer {issuer.token('citizen', key=new_key())}"))
            while looks < 2:
                await asyncio.sleep(0)
            assert (await verifier.caller(good)).role == "citizen"
            assert not stranger.done()
            let_go.set()
            await stranger


async def test_a_token_that_names_no_key_or_a_strange_algorithm_makes_nobody_ask_the_issuer(issuer: Issuer) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError("the issuer was asked")

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as client:
        verifier = Verifier(issuer.url, AUDIENCE, client)
        for header in ({"alg": "RS256"}, {"alg": "none", "kid": "k"}, {"alg": "HS256", "kid": "k"}):
            encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
            await refusal(verifier, f"Bearer {encoded}.e30.c2ln")
