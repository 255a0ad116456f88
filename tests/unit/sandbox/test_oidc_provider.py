"""The identity provider: flows, refusals, keys, and what never stands in a token."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.sandbox.oidc.app import Settings, application
from deploy.sandbox.oidc.registry import Client, Registry
from tests.unit.sandbox.client import arm, client_of, fired

ISSUER = "http://127.0.0.1:8000"
REDIRECT = "http://127.0.0.1:8080/signed-in"
REGISTRY = Registry.load()
PEOPLE = sorted(REGISTRY.personas)
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "client_id": "motcua-portal",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
AGENCY_SYSTEM = ("agency-g09.20", "sandbox-secret-g09.20")


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(Settings(tmp_path, ISSUER))) as client:
        yield client


async def verified(provider: httpx.AsyncClient, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, claims) of a token whose signature fits the published keys."""
    found = jwt.decode(token, KeySet.import_key_set((await provider.get("/jwks")).json()), algorithms=["RS256"])
    return found.header, found.claims


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters with which the browser is sent back to the application."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def sign_in(provider: httpx.AsyncClient, persona: str = "anh", **changes: str) -> str:
    """An authorization code."""
    answer = await provider.post("/authorize", data=REQUEST | {"persona": persona} | changes)
    return answer_of(answer)["code"]


async def redeem(provider: httpx.AsyncClient, code: str, /, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "client_id": "motcua-portal", "code": code}
    return await provider.post("/token", data=form | {"redirect_uri": REDIRECT, "code_verifier": VERIFIER} | changes)


async def refresh(provider: httpx.AsyncClient, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "client_id": "motcua-portal", "refresh_token": token}
    return await provider.post("/token", data=form)


async def by_password(provider: httpx.AsyncClient, username: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "password", "client_id": "motcua-cli", "username": username}
    return await provider.post("/token", data=form | {"password": REGISTRY.personas[username].password} | changes)


async def test_discovery_names_the_endpoints_of_the_issuer(provider: httpx.AsyncClient) -> None:
    found = (await provider.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert all(found[name].startswith(f"{ISSUER}/") for name in found if name.endswith(("_endpoint", "_uri")))
    assert found["code_challenge_methods_supported"] == ["S256"]


async def test_the_login_page_lists_every_person_and_carries_the_request(provider: httpx.AsyncClient) -> None:
    page = (await provider.get("/authorize", params=REQUEST | {"state": '"><script>'})).text
    assert all(persona.name in page for persona in REGISTRY.personas.values())
    assert "<script" not in page
    assert f'name="code_challenge" value="{CHALLENGE}"' in page


async def test_a_code_gives_tokens_that_name_the_person(provider: httpx.AsyncClient) -> None:
    answer = await redeem(provider, await sign_in(provider))
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    header, claims = await verified(provider, tokens["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, "motcua", "motcua-portal")
    assert (claims["role"], claims["name"], claims["person_id"]) == ("citizen", "Nguyễn Thị Ánh", claims["sub"])
    assert claims["exp"] - claims["iat"] == tokens["expires_in"]
    _, identity = await verified(provider, tokens["id_token"])
    assert (identity["aud"], identity["nonce"], identity["sub"]) == ("motcua-portal", "nonce-1", claims["sub"])
    told = await provider.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert told.json() == {name: claims[name] for name in ("sub", "name", "role", "person_id")}


async def test_the_state_and_the_issuer_come_back_with_the_code(provider: httpx.AsyncClient) -> None:
    answer = answer_of(await provider.post("/authorize", data=REQUEST | {"persona": "anh"}))
    assert (answer["state"], answer["iss"]) == ("state-1", ISSUER)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 64}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": REDIRECT + "/else"}, "invalid_grant"),
        ({"client_id": "motcua-cli"}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ],
)
async def test_a_code_is_refused_to_whoever_cannot_prove_the_request_was_his(
    provider: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    answer = await redeem(provider, await sign_in(provider), **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_code_used_twice_ends_the_tokens_of_its_first_use(provider: httpx.AsyncClient) -> None:
    code = await sign_in(provider)
    tokens = (await redeem(provider, code)).json()
    assert (await redeem(provider, code)).json()["error"] == "invalid_grant"
    assert (await refresh(provider, tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_used_twice_ends_its_whole_family(provider: httpx.AsyncClient) -> None:
    first = (await redeem(provider, await sign_in(provider))).json()["refresh_token"]
    second = (await refresh(provider, first)).json()["refresh_token"]
    assert (await refresh(provider, first)).status_code == 400
    assert (await refresh(provider, second)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30"}, "request_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
async def test_a_bad_authorization_request_is_told_to_the_application(
    provider: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    answer = answer_of(await provider.get("/authorize", params=REQUEST | changes))
    assert (answer["error"], answer["state"], "code" in answer) == (error, "state-1", False)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": "agency-g09.20"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": ""},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    provider: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    answer = await provider.get("/authorize", params=REQUEST | changes)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://127.0.0.1:8080/a?b=c", True),
        ("http://127.0.0.1/a", True),
        ("http://127.0.0.1:8080@evil.example/", False),
        ("http://127.0.0.1:8080.evil.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("https://127.0.0.1:8080/a", False),
        ("http://127.0.0.1:8080/a#fragment", False),
        ("http://127.0.0.1:8080/a\nb", False),
        ("http://127.0.0.1:8080\\@evil.example/", False),
    ],
)
def test_redirects_stay_on_loopback(uri: str, allowed: bool) -> None:
    assert REGISTRY.clients["motcua-portal"].may_redirect_to(uri) is allowed


def test_an_exact_path_allows_nothing_below_it() -> None:
    client = Client("c", "C", ("authorization_code",), redirect_uris=("http://127.0.0.1:*/callback",))
    assert client.may_redirect_to("http://127.0.0.1:5000/callback")
    assert not client.may_redirect_to("http://127.0.0.1:5000/callback/more")


async def test_a_signed_in_browser_is_not_asked_again_until_it_signs_out(provider: httpx.AsyncClient) -> None:
    tokens = (await redeem(provider, await sign_in(provider, "duc"))).json()
    again = answer_of(await provider.get("/authorize", params=REQUEST | {"prompt": "none"}))
    assert "code" in again
    assert (await provider.get("/authorize", params=REQUEST | {"prompt": "login"})).status_code == 200
    out = await provider.get(
        "/logout",
        params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": REDIRECT, "state": "s"},
    )
    assert answer_of(out) == {"state": "s"}
    assert answer_of(await provider.get("/authorize", params=REQUEST | {"prompt": "none"}))["error"] == "login_required"
    assert (await refresh(provider, tokens["refresh_token"])).status_code == 400


async def test_signing_out_sends_nobody_to_a_strange_address(provider: httpx.AsyncClient) -> None:
    answer = await provider.get(
        "/logout", params={"client_id": "motcua-portal", "post_logout_redirect_uri": "https://evil.example/"}
    )
    assert answer.status_code == 200


async def test_an_agencys_system_gets_a_token_of_its_own(provider: httpx.AsyncClient) -> None:
    answer = await provider.post("/token", data={"grant_type": "client_credentials"}, auth=AGENCY_SYSTEM)
    _, claims = await verified(provider, answer.json()["access_token"])
    assert (claims["role"], claims["agency"], claims["sub"]) == ("agency-system", "G09.20", "agency-g09.20")
    assert "refresh_token" not in answer.json()
    assert "id_token" not in answer.json()


@pytest.mark.parametrize("secret", ["", "wrong"])
async def test_a_wrong_client_secret_is_refused(provider: httpx.AsyncClient, secret: str) -> None:
    answer = await provider.post("/token", data={"grant_type": "client_credentials"}, auth=(AGENCY_SYSTEM[0], secret))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("username", PEOPLE)
async def test_a_persons_token_says_role_and_place_but_never_a_form_field(
    provider: httpx.AsyncClient, username: str
) -> None:
    persona = REGISTRY.personas[username]
    tokens = (await by_password(provider, username, scope="openid profile")).json()
    _, claims = await verified(provider, tokens["access_token"])
    assert (claims["sub"], claims["role"]) == (persona.subject, persona.role)
    assert (claims.get("agency"), claims.get("department")) == (persona.agency, persona.department)
    assert ("person_id" in claims) == (persona.role == "citizen")
    _, identity = await verified(provider, tokens["id_token"])
    for value in persona.form.values():
        assert value not in json.dumps([claims, identity], ensure_ascii=False)


async def test_a_wrong_password_is_refused(provider: httpx.AsyncClient) -> None:
    assert (await by_password(provider, "anh", password="guess")).json()["error"] == "invalid_grant"
    assert (await by_password(provider, "anh", client_id="motcua-portal")).json()["error"] == "unauthorized_client"


def test_the_people_are_as_the_documents_promise() -> None:
    """Citizen IDs agree with sex and birth date; person ids are UUIDv7; four citizens and two agencies at least."""
    personas = list(REGISTRY.personas.values())
    citizens = [persona for persona in personas if persona.role == "citizen"]
    assert len(citizens) >= 4
    assert all(UUID(persona.subject).version == 7 for persona in personas)
    assert len({persona.subject for persona in personas}) == len(personas)
    for form in (persona.form for persona in citizens):
        year = int(form["birth_date"][:4])
        century_and_sex = (year // 100 - 19) * 2 + (form["sex"] == "female")
        assert re.fullmatch(rf"\d{{3}}{century_and_sex}{year % 100:02d}\d{{6}}", form["citizen_id"])
    anh = REGISTRY.personas["anh"]
    assert (anh.name, anh.form["sex"], anh.form["birth_date"][:4]) == ("Nguyễn Thị Ánh", "female", "1990")
    officers = [persona for persona in personas if persona.role == "officer"]
    assert {persona.agency for persona in officers} == set(REGISTRY.agencies) >= {"G09.20"}
    assert all(persona.department for persona in officers)
    systems = {client.agency for client in REGISTRY.clients.values()} - {None}
    assert {"G09.20"} <= systems <= set(REGISTRY.agencies)


def test_there_are_two_people_wherever_one_orders_and_another_pays_out() -> None:
    """Operators for money of no bill (`services.payments.domain.explaining`), officers for their agency's bills."""
    people = [(persona.role, persona.agency) for persona in REGISTRY.personas.values()]
    assert people.count(("operator", None)) >= 2
    assert all(people.count(("officer", agency)) >= 2 for agency in ("G09.20", "H55.31"))


async def test_tokens_hold_over_a_rotation_and_new_ones_use_the_new_key(provider: httpx.AsyncClient) -> None:
    before = (await by_password(provider, "anh")).json()["access_token"]
    kid = (await provider.post("/_control/keys/rotate")).json()["kid"]
    header, _ = await verified(provider, (await by_password(provider, "anh")).json()["access_token"])
    assert header["kid"] == kid
    old_header, _ = await verified(provider, before)
    assert old_header["kid"] != kid


async def test_keys_are_private_to_their_owner_and_survive_a_restart(tmp_path: Path) -> None:
    async with client_of(application(Settings(tmp_path, ISSUER))) as first:
        token = (await by_password(first, "anh")).json()["access_token"]
        published = (await first.get("/jwks")).json()
    assert stat.S_IMODE((tmp_path / "oidc-keys.json").stat().st_mode) == 0o600
    assert all(set(key) <= {"kty", "kid", "use", "alg", "n", "e"} for key in published["keys"])
    async with client_of(application(Settings(tmp_path, ISSUER))) as second:
        await verified(second, token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
async def test_userinfo_is_refused_without_a_token_of_ours(provider: httpx.AsyncClient, token: str) -> None:
    answer = await provider.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_an_id_token_opens_no_door(provider: httpx.AsyncClient) -> None:
    token = (await redeem(provider, await sign_in(provider))).json()["id_token"]
    assert (await provider.get("/userinfo", headers={"Authorization": f"Bearer {token}"})).status_code == 401


async def test_faults_fire_once_and_are_counted(provider: httpx.AsyncClient) -> None:
    code = await sign_in(provider)
    await arm(provider, "token_500")
    assert (await redeem(provider, code)).status_code == 500
    assert (await redeem(provider, code)).status_code == 200
    assert await fired(provider, "token_500") == 1

    await arm(provider, "jwks_away")
    assert (await provider.get("/jwks")).status_code == 503
    assert (await provider.get("/jwks")).status_code == 200
    assert await fired(provider, "jwks_away") == 1

    await arm(provider, "wrong_audience")
    _, stranger = await verified(provider, (await by_password(provider, "anh")).json()["access_token"])
    _, ours = await verified(provider, (await by_password(provider, "anh")).json()["access_token"])
    assert (stranger["aud"], ours["aud"]) == ("someone-else", "motcua")

    await arm(provider, "expired_tokens")
    expired = (await by_password(provider, "anh")).json()["access_token"]
    assert (await provider.get("/userinfo", headers={"Authorization": f"Bearer {expired}"})).status_code == 401
    assert await fired(provider, "expired_tokens") == 1


@pytest.mark.parametrize("body", ["client_id=a&client_id=b", "%zz=1", "a=%ff", "&" * 100, "grant_type=password"])
async def test_an_unreadable_token_request_is_refused_in_json(provider: httpx.AsyncClient, body: str) -> None:
    answer = await provider.post("/token", content=body)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_request", "invalid_client")
