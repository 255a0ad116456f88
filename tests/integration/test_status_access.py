"""Who sees a dossier: whom it concerns, with a token of our issuer for us and valid now."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts import payments
from tests.database import Server
from tests.integration.status_desk import ANH, DUC, OURS, THEIRS, Desk, running
from tests.issuer import Issuer, issuing, new_key
from tests.records import CODE, example


@pytest.fixture(scope="module")
async def running_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    with issuing() as issuer:
        async with running(await postgres_server.fresh("status"), issuer) as desk:
            yield desk


@pytest.fixture
async def desk(running_desk: Desk) -> Desk:
    await running_desk.pool.execute("delete from view")
    return running_desk


SEES = [
    ("the citizen whose it is", "citizen", {"person_id": str(ANH)}, 200),
    ("another citizen", "citizen", {"person_id": str(DUC)}, 404),
    ("a citizen without a person id", "citizen", {}, 404),
    ("an officer of the agency that has it", "officer", {"agency": OURS}, 200),
    ("an officer of another agency", "officer", {"agency": THEIRS}, 404),
    ("an officer without an agency", "officer", {}, 404),
    ("an officer who claims the citizen's person id", "officer", {"agency": THEIRS, "person_id": str(ANH)}, 404),
    ("the agency's own system", "agency-system", {"agency": OURS}, 200),
    ("another agency's system", "agency-system", {"agency": THEIRS}, 404),
    ("an operator", "operator", {}, 200),
]


@pytest.mark.parametrize(("who", "role", "claims", "expected"), SEES, ids=[case[0] for case in SEES])
async def test_only_whom_it_concerns_sees_a_dossier(
    desk: Desk, who: str, role: str, claims: dict[str, str], expected: int
) -> None:
    await desk.filed()
    assert (await desk.get(f"/dossiers/{CODE}", role, **claims)).status_code == expected
    assert await desk.codes("/dossiers", role, **claims) == ([CODE] if expected == 200 else [])


async def test_a_dossier_that_is_not_mine_and_one_that_is_not_there_look_alike(desk: Desk) -> None:
    await desk.filed()
    hidden = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(DUC))
    absent = await desk.get("/dossiers/G09.20-20260609-9999999", "citizen", person_id=str(DUC))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    assert hidden.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("code", ["%00", "%0A", "%F0%9F%99%82", "' or true --", "x" * 5000])
async def test_a_code_of_any_bytes_is_simply_not_found(desk: Desk, code: str) -> None:
    assert (await desk.get(f"/dossiers/{code}", "operator")).status_code == 404


async def test_before_the_dossiers_own_event_only_operators_see_it(desk: Desk) -> None:
    await desk.hears(example(payments.Opened))
    for role, claims in (
        ("citizen", {"person_id": str(ANH)}),
        ("citizen", {}),
        ("officer", {"agency": OURS}),
        ("officer", {}),
    ):
        assert (await desk.get(f"/dossiers/{CODE}", role, **claims)).status_code == 404
        assert await desk.codes("/dossiers", role, **claims) == []
    assert (await desk.get(f"/dossiers/{CODE}", "operator")).json()["payment"]["state"] == "open"
    assert await desk.codes("/dossiers", "operator") == [CODE]
    await desk.filed()
    assert (await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))).status_code == 200


def _forged(algorithm: str, claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token as someone without our key would write it; unsigned without a secret."""
    head, body = (_coded(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "at+jwt"}, claims))
    signature = b"" if secret is None else hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_coded(signature)}"


def _coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


async def test_a_token_that_is_not_ours_for_us_and_valid_now_is_refused(desk: Desk) -> None:
    await desk.filed()
    mine: dict[str, Any] = {"person_id": str(ANH)}
    sign, now = desk.issuer.token, int(time.time())
    claims = {"iss": desk.issuer.url, "aud": "motcua", "exp": now + 600, "sub": "x", "role": "operator"}
    tokens = {
        "expired": sign("citizen", exp=now - 600, **mine),
        "without an end": sign("citizen", exp=None, **mine),
        "for somebody else": sign("citizen", aud="someone-else", **mine),
        "for nobody": sign("citizen", aud=None, **mine),
        "of another issuer": sign("citizen", iss="http://elsewhere", **mine),
        "signed with another key": sign("citizen", key=new_key(), **mine),
        "not valid yet": sign("citizen", nbf=now + 600, **mine),
        "unsigned": _forged("none", claims),
        "of an unknown role": sign("minister"),
        "with several roles": sign(["citizen", "operator"]),
        "with a person id that is none": sign("citizen", person_id="Nguyễn Thị Ánh"),
        "signed with our public key as a password": _forged("HS256", claims, desk.issuer.key.as_pem(private=False)),
        "not a token": "a.b.c",
        "empty": "",
    }
    for why, token in tokens.items():
        answer = await desk.http.get(f"/dossiers/{CODE}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, why
        assert answer.headers["www-authenticate"].startswith("Bearer"), why
    assert (await desk.http.get(f"/dossiers/{CODE}")).status_code == 401
    assert (await desk.http.get("/dossiers")).status_code == 401


async def test_without_its_identity_provider_the_service_is_away_and_nobody_is_refused(
    desk: Desk,
) -> None:
    absent = Issuer("http://127.0.0.1:9", desk.issuer.key)
    async with running(desk.database, absent) as away:
        answer = await away.get("/dossiers", "operator")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_a_token_for_several_audiences_is_taken_when_we_are_among_them(desk: Desk) -> None:
    await desk.filed()
    answer = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH), aud=["portal", "motcua"])
    assert answer.status_code == 200


async def test_an_etag_shows_nothing_to_whoever_may_not_see_the_dossier(desk: Desk) -> None:
    await desk.filed()
    etag = (await desk.get(f"/dossiers/{CODE}", "operator")).headers["etag"]
    seen = {"If-None-Match": etag} | desk.issuer.bearer("citizen", person_id=str(DUC))
    assert (await desk.http.get(f"/dossiers/{CODE}", headers=seen)).status_code == 404
