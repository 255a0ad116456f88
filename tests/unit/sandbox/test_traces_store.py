"""The span store: what is kept, found and forgotten, in Zipkin's words."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.kit.storage import open_storage
from deploy.sandbox.traces.app import Settings, application
from deploy.sandbox.traces.spans import SpansError, read
from deploy.sandbox.traces.store import SCHEMA, Store
from tests.unit.sandbox.client import arm, client_of, fired

NOW = time.time_ns() // 1000


def span(trace_id: str = "a" * 32, span_id: str = "1", service: str = "intake", **more: Any) -> dict[str, Any]:
    base = {"traceId": trace_id, "id": span_id.zfill(16), "name": "POST /dossiers", "timestamp": NOW, "duration": 1500}
    return base | {"localEndpoint": {"serviceName": service}} | more


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(Settings(tmp_path))) as client:
        yield client


async def send(store: httpx.AsyncClient, *spans: dict[str, Any]) -> None:
    assert (await store.post("/api/v2/spans", json=list(spans))).status_code == 202


async def found(store: httpx.AsyncClient, **query: str | int) -> list[str]:
    answer = await store.get("/api/v2/traces", params=query)
    assert answer.status_code == 200, answer.text
    return [trace[0]["traceId"] for trace in answer.json()]


async def test_a_trace_is_given_back_as_it_came(store: httpx.AsyncClient) -> None:
    root, child = span(tags={"a": "đ"}), span(span_id="2", parentId="1".zfill(16), timestamp=NOW + 5, service="status")
    await send(store, child)
    await send(store, root)
    assert (await store.get(f"/api/v2/trace/{'A' * 32}")).json() == [root, child]
    assert (await store.get("/api/v2/services")).json() == ["intake", "status"]
    assert (await store.get("/api/v2/spans?serviceName=intake")).json() == ["post /dossiers"]
    assert (await store.get("/api/v2/trace/b")).status_code == 404
    assert (await store.get("/api/v2/trace/xyz")).status_code == 400


async def test_gzip_is_accepted(store: httpx.AsyncClient) -> None:
    body = gzip.compress(json.dumps([span()]).encode())
    answer = await store.post("/api/v2/spans", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 202
    assert await found(store) == ["a" * 32]


async def test_conditions_meet_over_the_spans_of_a_trace(store: httpx.AsyncClient) -> None:
    """As in Zipkin: each condition may be met by another span, but of the asked service if one is asked for."""
    await send(
        store,
        span(tags={"dossier.code": "G09.20-1", "http.method": "POST"}),
        span(span_id="2", service="payments", tags={"bill": "7"}, annotations=[{"timestamp": NOW, "value": "retried"}]),
        span("b" * 32, tags={"dossier.code": "G09.20-2"}),
    )
    ours = ["a" * 32]
    assert await found(store, annotationQuery="dossier.code=G09.20-1") == ours
    assert await found(store, annotationQuery="dossier.code=G09.20-1 and bill=7") == ours
    assert await found(store, annotationQuery="bill and retried") == ours
    assert await found(store, annotationQuery="dossier.code=G09.20-1 and bill=8") == []
    assert await found(store, annotationQuery="bill=7", serviceName="intake") == []
    assert await found(store, annotationQuery="bill=7", serviceName="Payments") == ours
    assert await found(store, serviceName="intake", spanName="post /dossiers", minDuration=1500, limit=1) != []
    assert await found(store, minDuration=1501) == []


async def test_a_trace_belongs_to_the_time_of_its_root(store: httpx.AsyncClient) -> None:
    hour = 3600 * 1_000_000
    child = span(span_id="2", parentId="1".zfill(16))
    await send(store, child | {"timestamp": NOW - hour})
    assert await found(store, lookback=1_200_000) == []
    await send(store, span(timestamp=NOW - 1000))
    assert await found(store, lookback=1_200_000) == ["a" * 32]
    assert await found(store, endTs=(NOW - hour) // 1000) == []


async def test_the_newest_traces_come_first_up_to_the_limit(store: httpx.AsyncClient) -> None:
    await send(store, *(span(f"{number:032x}", timestamp=NOW - 20 + number) for number in range(1, 20)))
    assert await found(store, limit=3) == [f"{number:032x}" for number in (19, 18, 17)]
    assert len(await found(store)) == 10


async def test_a_span_sent_twice_is_kept_once(store: httpx.AsyncClient) -> None:
    await send(store, span(tags={"a": "1"}))
    await send(store, span(tags={"a": "1"}))
    assert len((await store.get(f"/api/v2/trace/{'a' * 32}")).json()) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[1]", b'[{"id":"1"}]', b'[{"traceId":"xyz","id":"1"}]', b'[{"traceId":"1","id":"g"}]', b"\xff"],
)
async def test_a_bad_list_is_refused_whole(store: httpx.AsyncClient, body: bytes) -> None:
    assert (await store.post("/api/v2/spans", content=body)).status_code == 400
    mixed = [span(), {"traceId": "1"}]
    assert (await store.post("/api/v2/spans", json=mixed)).status_code == 400
    assert await found(store) == []


async def test_a_bomb_is_not_unpacked(store: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b" " * (33 * 1024 * 1024))
    answer = await store.post("/api/v2/spans", content=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, "larger" in answer.text) == (400, True)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "lookback=-1", "endTs=1.5", "annotationQuery==a"])
async def test_a_bad_query_is_refused(store: httpx.AsyncClient, query: str) -> None:
    assert (await store.get(f"/api/v2/traces?{query}")).status_code == 400


async def test_faults_fire_and_are_counted(store: httpx.AsyncClient) -> None:
    await arm(store, "refuse_spans_503")
    assert (await store.post("/api/v2/spans", json=[span()])).status_code == 503
    await send(store, span())
    assert await fired(store, "refuse_spans_503") == 1


BROKEN = [
    {"timestamp": float("inf")},
    {"timestamp": 2**70},
    {"duration": -1},
    {"localEndpoint": "intake"},
    {"tags": ["a"]},
    {"annotations": [7]},
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_field_is_refused_with_its_place(broken: dict[str, Any]) -> None:
    with pytest.raises(SpansError):
        read(json.dumps([span(), span() | broken]).encode())


def test_half_a_surrogate_pair_is_kept_as_a_mark(tmp_path: Path) -> None:
    kept = Store.open(tmp_path)
    kept.add(read(json.dumps([span(service="a\ud800", tags={"k\ud800": "v\ud800"})]).encode()))
    assert kept.services() == ["a?"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
NAMES = ("traceId", "id", "parentId", "name", "timestamp", "duration", "localEndpoint", "tags", "annotations")


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), json_values | st.just("1f")), max_size=3))
def test_any_json_is_kept_or_refused(entries: list[dict[str, Any]]) -> None:
    kept = Store(open_storage(Path(":memory:"), SCHEMA))
    with contextlib.suppress(SpansError):
        kept.add(read(json.dumps(entries).encode()))
        assert len(kept.trace("1f".zfill(16))) == min(1, len(entries))


def fill(kept: Store, traces: int, started: int) -> None:
    kept.add(
        read(
            json.dumps(
                [span(f"{n:032x}", timestamp=started + n, tags={"n": str(n)}) for n in range(1, traces + 1)]
            ).encode()
        )
    )


def test_traces_older_than_the_bound_are_forgotten_with_their_tags(tmp_path: Path) -> None:
    kept = Store.open(tmp_path)
    fill(kept, 60, NOW)
    forgotten = iter(lambda: kept.prune(NOW + 51, 2**40), 0)
    assert sum(forgotten) == 50
    counts = [
        kept.connection.execute(f"select count(*) from {name}").fetchone()[0] for name in ("trace", "span", "tag")
    ]
    assert counts == [10, 10, 10]


def test_the_oldest_traces_are_forgotten_until_the_size_is_kept(tmp_path: Path) -> None:
    kept = Store.open(tmp_path)
    fill(kept, 3000, NOW)
    bound = kept.used_bytes() // 2
    assert sum(iter(lambda: kept.prune(0, bound), 0)) > 0
    assert kept.used_bytes() <= bound
    assert kept.trace(f"{1:032x}") == []
    assert kept.trace(f"{3000:032x}") != []
