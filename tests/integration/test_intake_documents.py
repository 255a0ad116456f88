"""Documents at intake: real files into a real folder and database, through the HTTP interface."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Refusal, Retry
from chassis.identifiers import new_id
from services.intake.adapters.objects import Objects
from services.intake.domain.document import Document
from services.intake.store import documents
from services.intake.sweeping import Sweeper
from services.intake.uploads import Limits, Owner, Uploads
from tests.database import Server as Postgres
from tests.integration.intake_desk import (
    AGENCY_SYSTEM,
    OFFICER,
    OPERATOR,
    OTHER_AGENCY,
    Desk,
    open_desk,
    process_desk,
)
from tests.integration.sandbox_process import Server
from tests.unit.intake.files import GOOD, PROGRAM, pdf, png

MOST, MOST_BYTES = 5, 2**20
DAY = timedelta(hours=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server, folder: Path) -> AsyncIterator[Desk]:
    settings: dict[str, Any] = {"document_bytes": MOST_BYTES, "unattached_documents": MOST}
    async with open_desk(
        await postgres_server.fresh("intake"), provider, documents_url=folder.as_uri(), **settings
    ) as desk:
        yield desk


@pytest.fixture
async def desk(shared_desk: Desk, folder: Path) -> Desk:
    async with shared_desk.owner() as owner:
        await owner.execute("truncate document")
    for path in _files(folder):
        path.unlink()
    return shared_desk


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def _send(desk: Desk, name: str, content: Any, who: str = "anh") -> httpx.Response:
    return await desk.http.post("/documents", params={"name": name}, content=content, headers=desk.bearer(who))


async def _sent(desk: Desk, name: str = "ảnh.pdf", content: bytes = pdf(), who: str = "anh") -> dict[str, Any]:
    answer = await _send(desk, name, content, who)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _attached(desk: Desk, *ids: str) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        await documents.attach(connection, [UUID(each) for each in ids])


@pytest.mark.parametrize("name", GOOD)
async def test_a_file_is_given_back_as_it_was_sent(desk: Desk, folder: Path, name: str) -> None:
    document = await _sent(desk, name, GOOD[name])
    assert (document["name"], document["size"]) == (name, len(GOOD[name]))
    assert document["sha256"] == sha256(GOOD[name]).hexdigest()
    assert (document["scan"], document["attached"]) == ("none", False)
    assert (await desk.get(f"/documents/{document['id']}", "anh")).json() == document
    content = await desk.get(f"/documents/{document['id']}/content", "anh")
    assert content.content == GOOD[name]
    assert content.headers["content-type"].split(";")[0] == document["media_type"]
    assert content.headers["content-length"] == str(len(GOOD[name]))
    assert content.headers["x-content-type-options"] == "nosniff"
    told = httpx.URL(f"http://x/{content.headers['content-disposition'].partition(chr(39) * 2)[2]}").path
    assert told == f"/{name}"
    assert [path.name for path in _files(folder)] == [document["id"]]


async def test_a_file_that_does_not_say_its_length_is_taken_as_it_comes(desk: Desk) -> None:
    whole = pdf(padding=700_000)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 5000):
            yield whole[at : at + 5000]

    answer = await _send(desk, "a.pdf", pieces())
    assert (answer.status_code, answer.json()["sha256"]) == (201, sha256(whole).hexdigest())


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("giấy khai sinh.pdf", PROGRAM, 422, "document_executable"),
        ("trống.pdf", b"", 422, "document_empty"),
        ("đứt.pdf", pdf(padding=600_000)[:-5], 422, "document_truncated"),
        ("ảnh.pdf", png(), 422, "document_extension"),
        ("../ảnh.pdf", pdf(), 422, "document_name"),
        ("a\x00.pdf", pdf(), 422, "document_name"),
        ("x" * 197 + ".pdf", pdf(), 422, "document_name"),
        ("lớn.pdf", pdf(padding=MOST_BYTES), 413, "too_large"),
    ],
)
async def test_a_bad_file_is_refused_in_two_languages_and_leaves_nothing(
    desk: Desk, folder: Path, name: str, content: bytes, status: int, code: str
) -> None:
    answer = await _send(desk, name, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] != answer.json()["detail_en"]
    assert _files(folder) == []
    assert await desk.count("document") == 0


async def test_a_file_that_turns_out_too_large_is_refused_while_it_comes(desk: Desk, folder: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield pdf()
        for _ in range(MOST_BYTES // 65536 + 1):
            yield b"x" * 65536

    answer = await _send(desk, "lớn.pdf", pieces())
    assert (answer.status_code, "1 MiB" in answer.json()["detail"]) == (413, True)
    assert _files(folder) == []


async def test_only_so_many_files_that_nothing_uses_are_kept_for_one_person(desk: Desk, folder: Path) -> None:
    sent = [await _sent(desk) for _ in range(MOST)]
    refused = await _send(desk, "a.pdf", pdf())
    assert (refused.status_code, refused.json()["code"]) == (429, "documents_too_many")
    assert len(_files(folder)) == MOST
    await _sent(desk, who="duc")
    await _attached(desk, sent[0]["id"])
    await _sent(desk)
    answer = await desk.http.delete(f"/documents/{sent[1]['id']}", headers=desk.bearer("anh"))
    assert answer.status_code == 204
    await _sent(desk)


def _document(**more: Any) -> Document:
    told = {
        "id": new_id(),
        "person_id": new_id(),
        "agency": None,
        "uploaded_by": "somebody",
        "name": "a.pdf",
        "media_type": "application/pdf",
        "size": 1,
        "sha256": "0" * 64,
        "scan": "none",
        "created_at": utc_now(),
    }
    return Document.model_validate(told | more)


async def test_the_limit_holds_for_files_that_are_written_at_the_same_moment(desk: Desk) -> None:
    tries = [documents.add(desk.pool, _document(), utc_now() - DAY, MOST) for _ in range(4 * MOST)]
    assert sum(await asyncio.gather(*tries)) == MOST
    assert await documents.unattached(desk.pool, "somebody", utc_now() - DAY) == MOST


async def test_one_person_cannot_take_all_places_and_a_full_house_says_come_again(desk: Desk, folder: Path) -> None:
    uploads = Uploads(Objects.at(folder.as_uri()), None, Limits(MOST_BYTES, MOST, at_once=3, at_once_of_one=2), utc_now)
    begun, may_end = asyncio.Queue[None](), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.put_nowait(None)
        yield pdf()
        await may_end.wait()

    def take(who: str) -> asyncio.Task[Document]:
        return asyncio.create_task(uploads.take(desk.pool, Owner(who, new_id(), None), "a.pdf", slow()))

    tasks = [take("anh"), take("anh"), take("duc")]
    for _ in tasks:
        await begun.get()
    with pytest.raises(Refusal, match="uploads_at_once"):
        await take("anh")
    with pytest.raises(Retry):
        await take("yen")
    may_end.set()
    await asyncio.gather(*tasks)
    assert (await take("anh")).size == len(pdf())


async def test_a_file_that_comes_too_slowly_is_given_up(desk: Desk, folder: Path) -> None:
    uploads = Uploads(Objects.at(folder.as_uri()), None, Limits(MOST_BYTES, MOST, seconds=0.05), utc_now)

    async def never() -> AsyncIterator[bytes]:
        yield pdf()[:100]
        await asyncio.Event().wait()

    with pytest.raises(Refusal, match="upload_too_slow") as refusal:
        await uploads.take(desk.pool, Owner("anh", new_id(), None), "a.pdf", never())
    assert refusal.value.status == 408
    assert _files(folder) == []


@pytest.mark.parametrize(
    ("owner", "who", "status"),
    [
        ("anh", "anh", 200),
        ("anh", "duc", 404),
        ("anh", OFFICER, 404),
        ("anh", OPERATOR, 403),
        ("anh", AGENCY_SYSTEM, 404),
        (OFFICER, OFFICER, 200),
        (OFFICER, AGENCY_SYSTEM, 200),
        (AGENCY_SYSTEM, OFFICER, 200),
        (AGENCY_SYSTEM, OTHER_AGENCY, 404),
        (OFFICER, "son.banglai", 200),
        (OFFICER, OTHER_AGENCY, 404),
        (OFFICER, "anh", 404),
    ],
)
async def test_a_document_is_its_owners_alone(desk: Desk, owner: str, who: str, status: int) -> None:
    document = await _sent(desk, who=owner)
    path = f"/documents/{document['id']}"
    assert (await desk.get(path, who)).status_code == status
    assert (await desk.get(f"{path}/content", who)).status_code == status
    listed = await desk.get("/documents", who)
    assert [each["id"] for each in listed.json().get("items", [])] == ([document["id"]] if status == 200 else [])
    deleted = await desk.http.delete(path, headers=desk.bearer(who))
    assert deleted.status_code == (204 if status == 200 else status)


async def test_who_may_send_none_is_refused_before_anything_is_read(desk: Desk) -> None:
    read = 0

    async def watched() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield pdf()

    assert (await _send(desk, "a.pdf", watched(), OPERATOR)).status_code == 403
    assert (await desk.http.post("/documents", params={"name": "a.pdf"}, content=watched())).status_code == 401
    assert read == 0


async def test_ones_documents_are_listed_newest_first_in_pages(desk: Desk) -> None:
    sent = [(await _sent(desk, f"{number}.pdf"))["id"] for number in range(MOST)]
    found: list[str] = []
    query = "?limit=2"
    while query:
        page = (await desk.get(f"/documents{query}", "anh")).json()
        found += [each["id"] for each in page["items"]]
        query = f"?limit=2&cursor={page['cursor']}" if page["cursor"] else ""
    assert found == sent[::-1]
    for cursor in ("x", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgIngiXQ"):
        assert (await desk.get(f"/documents?cursor={cursor}", "anh")).status_code == 400


async def test_what_a_dossier_has_is_kept_for_good_and_found_again_for_another(desk: Desk) -> None:
    mine, other = await _sent(desk), await _sent(desk, who="duc")
    await _attached(desk, mine["id"])
    refused = await desk.http.delete(f"/documents/{mine['id']}", headers=desk.bearer("anh"))
    assert (refused.status_code, refused.json()["code"]) == (409, "document_attached")
    person = await desk.pool.fetchval("select person_id from document where id = $1", UUID(mine["id"]))
    async with desk.pool.acquire() as connection, connection.transaction():
        asked = [UUID(mine["id"]), UUID(other["id"]), new_id()]
        found = await documents.of_person(connection, asked, person)
        assert [str(each.id) for each in found] == [mine["id"]]
        assert await documents.of_agency(connection, asked, "G09.20") == []
        await documents.attach(connection, [found[0].id, found[0].id])
        with pytest.raises(Refusal, match="document_gone"):
            await documents.attach(connection, asked)


async def test_what_nothing_uses_within_a_day_is_swept_and_nothing_else(desk: Desk, folder: Path) -> None:
    kept, unused = await _sent(desk), await _sent(desk)
    await _attached(desk, kept["id"])
    objects, orphan = Objects.at(folder.as_uri()), new_id()

    async def content() -> AsyncIterator[bytes]:
        yield b"a process died before it wrote the row"

    await objects.put(orphan, content())
    draft = folder / utc_now().date().isoformat() / f"{new_id()}#1"
    draft.write_bytes(b"a process died while it wrote")
    await Sweeper(objects, utc_now).run(desk.pool)
    assert len(_files(folder)) == 4, "all of it is young"
    await Sweeper(objects, lambda: utc_now() + DAY + timedelta(minutes=1)).run(desk.pool)
    assert [path.name for path in _files(folder)] == [kept["id"]]
    assert (await desk.get(f"/documents/{kept['id']}/content", "anh")).content == pdf()
    assert (await desk.get(f"/documents/{unused['id']}", "anh")).status_code == 404
    assert await desk.count("document") == 1


async def test_a_document_whose_content_is_lost_is_no_passing_trouble(desk: Desk, folder: Path) -> None:
    document = await _sent(desk)
    (lost,) = _files(folder)
    lost.unlink()
    answer = await desk.get(f"/documents/{document['id']}/content", "anh")
    assert (answer.status_code, answer.json()["code"]) == (500, "document_lost")


async def test_sweeping_goes_on_where_it_stopped_and_begins_anew(desk: Desk, folder: Path) -> None:
    objects = Objects.at(folder.as_uri())
    old = (utc_now() - 3 * DAY).timestamp()
    first, second = folder / "2026-01-05", folder / "2026-01-06"

    def left(day: Path, name: str) -> None:
        day.mkdir(exist_ok=True)
        (day / name).write_bytes(b"left")
        os.utime(day / name, (old, old))

    def orphan(day: Path) -> None:
        made_at = int(datetime.fromisoformat(f"{day.name}T12:00:00+00:00").timestamp() * 1000)
        left(day, str(UUID(int=made_at << 80 | new_id().int & (1 << 80) - 1)))

    orphan(first)
    orphan(second)
    sweeper = Sweeper(objects, utc_now, most=1)
    await sweeper.run(desk.pool)
    assert (len(_files(first)), len(_files(second))) == (0, 1), "a pass is bounded"
    orphan(first)
    await sweeper.run(desk.pool)
    assert (len(_files(first)), len(_files(second))) == (1, 0), "it goes on behind the last day"
    left(first, "not of ours")
    for _ in range(2):
        await sweeper.run(desk.pool)
    assert [path.name for path in _files(first)] == ["not of ours"]


async def test_an_upload_that_breaks_off_leaves_neither_row_nor_file(
    postgres_server: Postgres, desk: Desk, tmp_path: Path
) -> None:
    kept = tmp_path / "documents"
    database, log = desk.database, tmp_path / "log"
    async with process_desk(database, desk.provider, log, documents_url=kept.as_uri()) as (other, _):
        await other.becomes(200)
        url = other.http.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = f"POST /documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: {desk.bearer('anh')['Authorization']}\r\n"
        writer.write(f"{head}Content-Length: 20000000\r\n\r\n".encode() + pdf())
        for _ in range(160):
            writer.write(b"x" * 65536)
            await writer.drain()
        async with asyncio.timeout(30):
            while not _files(kept):
                await asyncio.sleep(0.02)
            writer.close()
            while _files(kept):
                await asyncio.sleep(0.02)
        assert (await other.get("/documents", "anh")).json()["items"] == []
        assert (await other.http.get("/healthz")).status_code == 200
    assert "request failed" not in log.read_text("utf-8")
