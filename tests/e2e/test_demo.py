"""A dossier goes all the way on the whole stack, and still does when any process dies in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local.layout import Layout
from tests.alerts import alerts, firing
from tests.e2e.command_line import CommandLine
from tests.supervised import until

SERVICES = {"intake", "payments", "notifications", "status"}
CHILDREN = [
    "postgres",
    "kafka",
    "gateway",
    "bank",
    "vnpay",
    "national",
    "sms",
    "mail",
    "oidc",
    "register",
    "traces",
    *sorted(SERVICES),
]

# What the demo says just before the moment at which a process is killed: each in a step that needs it.
MOMENT = {
    "oidc": "biểu mẫu sai",
    "gateway": "hồ sơ",
    "bank": "hồ sơ",
    "vnpay": "hồ sơ",
    "national": "hồ sơ",
    "payments": "hồ sơ",
    "postgres": "từ chối",
    "kafka": "từ chối",
    "intake": "biên lai",
    "status": "biên lai",
    "register": "hồ sơ",
    "notifications": "tiếp nhận",
    "sms": "tiếp nhận",
    "mail": "tiếp nhận",
    "traces": "lịch hẹn",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The whole stack on ports and a data folder of its own."""
    stack = CommandLine(tmp_path_factory.mktemp("whole"), parts=())
    stack.start()
    yield stack
    stack.run("stop")


@pytest.fixture(scope="module")
def told(whole: CommandLine) -> dict[str, Any]:
    """What an undisturbed demo tells."""
    result = whole.run("demo", "--json")
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_demo_takes_a_dossier_from_the_form_to_the_result_and_shows_what_each_got(told: dict[str, Any]) -> None:
    assert told["ok"]
    statuses = [line["status"] for line in told["timeline"] if line["status"]]
    assert statuses == [1, 6, 1, 2, 4, 5, 4, 4, 9, 10]
    kinds = Counter(line["type"].removeprefix("vn.motcua.").removesuffix(".v1") for line in told["timeline"])
    assert kinds["payment.failed"] == kinds["payment.succeeded"] == kinds["appointment.booked"] == 1
    assert len(told["form_errors"]) >= 5
    assert told["receipt"]["amount"] == 135_000
    assert {"01", "02", "06"} <= {paper["form"] for paper in told["papers"]}
    assert "BEGIN:VEVENT" in told["calendar"]
    assert {message["channel"] for message in told["messages"]} == {"sms", "email"}
    assert [line["status"] for line in told["refused"]["timeline"] if line["status"]][-1] == 3


def test_the_trace_of_the_demo_has_one_root_and_spans_of_all_services(whole: CommandLine, told: dict[str, Any]) -> None:
    spans = json.loads(whole.run("trace", told["dossier_code"], "--json").stdout)["spans"]
    roots = [span for span in spans if span["parent_id"] is None]
    assert [root["name"].lower() for root in roots] == ["post /dossiers"]
    assert {span["service"] for span in spans} == SERVICES
    known = {span["span_id"] for span in spans}
    assert all(span["parent_id"] in known for span in spans if span["parent_id"])


def test_alerts_on_the_way_of_events_speak_of_what_the_services_show_and_none_fires(
    whole: CommandLine, told: dict[str, Any]
) -> None:
    def shown() -> list[str]:
        layout = Layout(whole.data, whole.offset)
        return [httpx.get(f"{layout.url(name)}/metrics", trust_env=False).text for name in sorted(SERVICES)]

    texts = shown()
    for alert, terms in alerts("message-path").items():
        for term in terms:
            assert any(term.seen(text) for text in texts), f"{alert}: nothing shows {term}"
    until(lambda: not any(firing(text, "message-path") for text in shown()))


@pytest.mark.parametrize("victim", CHILDREN)
def test_the_demo_completes_when_a_process_is_killed_in_its_middle(whole: CommandLine, victim: str) -> None:
    """SIGKILL at a step that needs the victim; the restart counter proves that the fault fired."""
    until(lambda: whole.seen().state == "ready")
    before = _child(whole, victim)
    demo = subprocess.Popen(
        whole.command("demo", "--json"),
        env=whole.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stderr is not None
    said = []
    for line in demo.stderr:
        said.append(line)
        if MOMENT[victim] in line:
            os.kill(before.process.pid, signal.SIGKILL)
            break
    rest, errors = demo.communicate(timeout=150)
    assert demo.returncode == 0, "".join(said) + errors
    assert json.loads(rest)["ok"]
    until(lambda: _child(whole, victim).restarts > before.restarts)  # the supervisor may tell it after the demo's end
    assert _child(whole, victim).restarts == before.restarts + 1


def _child(stack: CommandLine, name: str) -> Any:
    return next(child for child in stack.seen().children if child.name == name)
