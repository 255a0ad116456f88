"""`motcua trace`: the tree and the JSON it prints, and how it says that there is nothing to show."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from motcua.trace import Span, TraceError, app, as_json, fetch, in_order, read, tree

CODE = "G09.20-20260609-0092637"
SPANS: list[dict[str, Any]] = [
    {
        "traceId": "t1",
        "id": "b",
        "parentId": "a",
        "name": "payments.v1 receive",
        "timestamp": 1_700_000_000_012_000,
        "duration": 3_400,
        "localEndpoint": {"serviceName": "payments"},
        "tags": {"error": "declined"},
    },
    {
        "traceId": "t1",
        "id": "a",
        "name": "POST /dossiers",
        "timestamp": 1_700_000_000_000_000,
        "duration": 10_500,
        "localEndpoint": {"serviceName": "intake"},
    },
]

Answer = Callable[[int, Any], None]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Makes every HTTP request get this status and JSON."""

    def answer(status: int, body: Any) -> None:
        def get(url: str, **_: Any) -> httpx.Response:
            return httpx.Response(status, json=body, request=httpx.Request("GET", url))

        monkeypatch.setattr(httpx, "get", get)

    return answer


def test_json_lists_every_span_with_its_times(answering: Answer) -> None:
    answering(200, [SPANS])
    result = CliRunner().invoke(app, [CODE, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "spans": [
            {
                "service": "intake",
                "name": "POST /dossiers",
                "span_id": "a",
                "parent_id": None,
                "start": "2023-11-14T22:13:20.000000Z",
                "duration_ms": 10.5,
            },
            {
                "service": "payments",
                "name": "payments.v1 receive",
                "span_id": "b",
                "parent_id": "a",
                "start": "2023-11-14T22:13:20.012000Z",
                "duration_ms": 3.4,
            },
        ]
    }


def test_the_tree_shows_offset_duration_and_errors(answering: Answer) -> None:
    answering(200, [SPANS])
    result = CliRunner().invoke(app, [CODE])
    assert result.exit_code == 0
    top, root, child = result.stdout.splitlines()
    assert CODE in top
    assert root.endswith("intake POST /dossiers +0.0 ms 10.5 ms")
    assert child.endswith("✕ payments payments.v1 receive +12.0 ms 3.4 ms declined")
    assert child.index("✕") > root.index("intake")


def test_a_span_whose_parent_is_missing_says_so() -> None:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as printed:
        console.print(tree(CODE, [read(SPANS[0])]))
    assert "thiếu cha" in printed.get()


@pytest.mark.parametrize(
    ("status", "body", "told"), [(200, [], "Không có dấu vết"), (500, {}, "make up"), (200, {"a": 1}, "Zipkin")]
)
def test_nothing_to_show_is_told_in_one_line_with_what_to_do(
    answering: Answer, status: int, body: Any, told: str
) -> None:
    answering(status, body)
    result = CliRunner().invoke(app, [CODE, "--json"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


@pytest.mark.parametrize("code", ["", "a b", "x and y=z", "a=b", "-x", "a" * 65])
def test_what_is_no_code_is_not_asked_for(code: str) -> None:
    with pytest.raises(TraceError, match="mã hồ sơ"):
        fetch("http://127.0.0.1:9", code)


identifiers = st.sampled_from("abcdef")


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(st.lists(st.tuples(identifiers, st.none() | identifiers), min_size=1, max_size=12))
def test_every_span_appears_once_and_after_its_parent_however_broken_the_tree(pairs: list[tuple[str, Any]]) -> None:
    spans = [Span("t", span_id, parent, "s", "n", place, 1, None) for place, (span_id, parent) in enumerate(pairs)]
    ordered = list(in_order(spans))
    assert sorted(id(span) for span, _ in ordered) == sorted(map(id, spans))
    for place, (span, top) in enumerate(ordered):
        earlier = {before.span_id for before, _ in ordered[:place]}
        assert top or span.parent_id is None or span.parent_id in earlier
    assert tree(CODE, spans)
    assert all(as_json(span)["start"].endswith("Z") for span in spans)
