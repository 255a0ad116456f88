"""The gate: what was released is kept, and whoever breaks it is told what, whom and what to do instead."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts import payments
from contracts.event import Data, events, registry
from contracts.registry import EVENTS
from deploy.kafka import documents
from deploy.kafka.certificates import Certificate
from tests.certificates import certificate
from tests.contract.classes import made
from tests.contract.examples import CERTIFICATES

released = pytest.importorskip("motcua.released", reason="jsoncompat has no build for this Python")

from motcua import contracts, promises, sentences  # noqa: E402 - it needs jsoncompat too

TOPIC, KIND = "examples.v1", "vn.motcua.test.made.v1"
RELEASED = {"a": str, "b": (str, "")}
RUN = CliRunner()


def certified(compatibility: str = "backward", *kinds: str, topic: str = TOPIC) -> list[Certificate]:
    told = [{"type": kind, "examples": []} for kind in kinds or (KIND,)]
    return [certificate(topic=topic, compatibility=compatibility, readers=["intake", "status"], events=told)]


def of(fields: dict[str, Any], *others: str) -> dict[str, type[Data]]:
    """Today's classes: one of these fields, and more that say nothing."""
    return registry(events(TOPIC, "vn.motcua.test", {"made": made(fields), **{name: made({}) for name in others}}))


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., list[tuple[str, str, str, int]]]:
    """Faults of these fields against what is released in the folder, as field, what, direction, release."""
    released.release(certified(), of(RELEASED), tmp_path)

    def judge(fields: dict[str, Any], compatibility: str = "backward") -> list[tuple[str, str, str, int]]:
        found = released.faults(certified(compatibility), of(fields), tmp_path)
        return [(each.found.field, each.found.what, each.direction, each.release) for each in found]

    return judge


def test_today_keeps_what_was_released() -> None:
    """The gate itself."""
    assert [sentences.broken(fault) for fault in released.faults(CERTIFICATES, EVENTS)] == []


def test_every_type_was_released_once_or_is_announced() -> None:
    announced = {news.type for news in released.unreleased(CERTIFICATES, EVENTS)}
    there = {path.parent.name for path in released.FOLDER.rglob("*.json")}
    assert set(EVENTS) <= there | announced


def test_what_was_just_released_is_kept_and_is_no_news(tmp_path: Path) -> None:
    (path,) = released.release(certified(), of(RELEASED), tmp_path)
    assert path == tmp_path / TOPIC / KIND / "1.json"
    assert json.loads(path.read_text("utf-8"))["required"] == ["a"]
    assert list(released.faults(certified("full"), of(RELEASED), tmp_path)) == []
    assert list(released.unreleased(certified(), of(RELEASED), tmp_path)) == []
    assert released.release(certified(), of(RELEASED), tmp_path) == []


@pytest.mark.parametrize(
    ("compatibility", "added", "taken"),
    [
        ("backward", [("c", "new", "backward", 1)], []),
        ("forward", [], [("a", "new", "forward", 1)]),
        ("full", [("c", "new", "backward", 1)], [("a", "new", "forward", 1)]),
    ],
)
def test_only_the_directions_that_the_certificate_promises_are_asked(
    judge: Callable[..., Any], compatibility: str, added: list[Any], taken: list[Any]
) -> None:
    assert judge({**RELEASED, "c": int}, compatibility) == added
    assert judge({"b": (str, "")}, compatibility) == taken


def test_a_name_of_long_ago_cannot_come_back_with_another_meaning(judge: Callable[..., Any], tmp_path: Path) -> None:
    """Records of the first release may still be on the topic when the second no longer knows the field."""
    released.release(certified(), of({"a": str}), tmp_path)
    assert judge({"a": str, "b": (int, 0)}) == [("b", "type", "backward", 1)]
    assert judge({"a": str, "b": (int, 0)}, "forward") == [], "readers have the second release"


def test_a_field_goes_in_one_release_and_one_like_it_comes_in_the_next(
    judge: Callable[..., Any], tmp_path: Path
) -> None:
    assert judge({"a": str, "c": (str, "")}) == [("c", "renamed", "backward", 1)], (
        "in one step it looks like a renaming"
    )
    released.release(certified(), of({"a": str}), tmp_path)
    assert judge({"a": str, "c": (str, "")}) == []


def test_a_type_that_is_gone_or_moved_to_another_topic_is_named(tmp_path: Path) -> None:
    kinds = (KIND, "vn.motcua.test.other.v1")
    released.release(certified("backward", *kinds), of(RELEASED, "other"), tmp_path)
    (gone,) = released.faults(certified(), of(RELEASED), tmp_path)
    assert (gone.type, gone.found.what) == (kinds[1], "gone")
    moved = list(released.faults(certified("backward", *kinds, topic="elsewhere.v1"), of(RELEASED, "other"), tmp_path))
    assert {fault.type for fault in moved} == set(kinds)
    for sentence in sentences.broken(gone):
        assert f"contracts/released/{TOPIC}/{kinds[1]}" in sentence


def test_a_new_type_and_a_new_version_break_nobody_and_are_announced_readers_first(tmp_path: Path) -> None:
    released.release(certified(), of(RELEASED), tmp_path)
    kinds = (KIND, "vn.motcua.test.made.v2", "vn.motcua.test.other.v1")
    today = {**of(RELEASED, "other"), kinds[1]: made({"c": int})}
    assert list(released.faults(certified("full", *kinds), today, tmp_path)) == []
    news = list(released.unreleased(certified("full", *kinds), today, tmp_path))
    assert [(each.type, each.first) for each in news] == [(kinds[1], True), (kinds[2], True)]
    vi, en = sentences.announced(news[0])
    assert "nâng cấp người đọc trước (intake, status)" in vi
    assert "upgrade its readers first (intake, status)" in en


def test_other_words_are_no_new_release_and_another_meaning_is(judge: Callable[..., Any], tmp_path: Path) -> None:
    described = made(RELEASED)
    described.__doc__ = "Said more clearly."
    today = registry(events(TOPIC, "vn.motcua.test", {"made": described}))
    assert list(released.unreleased(certified(), today, tmp_path)) == []
    (path,) = released.release(certified(), of({**RELEASED, "c": (int, 0)}), tmp_path)
    assert path.name == "2.json"


def test_a_damaged_release_is_named_and_no_approval(judge: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / TOPIC / KIND / "1.json").write_text("{")
    with pytest.raises(ValueError, match=r"1\.json: không phải JSON"):
        judge(RELEASED)


@pytest.mark.parametrize(
    ("compatibility", "fields", "vi", "en"),
    [
        (
            "backward",
            {**RELEASED, "c": int},
            "vn.motcua.test.made.v1, trường c: có thêm và bắt buộc; bản mới của intake, status không đọc đúng sự kiện cũ "
            "trên examples.v1 (backward, so với bản phát hành 1). Hãy cho trường một giá trị mặc định, hoặc thêm "
            "vn.motcua.test.made.v2 bên cạnh phiên bản này.",
            "vn.motcua.test.made.v1, field c: is new and required; new releases of intake, status do not read old events "
            "on examples.v1 right (backward, compared with release 1). Give the field a default, or add "
            "vn.motcua.test.made.v2 beside this version.",
        ),
        (
            "forward",
            {"b": (str, "")},
            "vn.motcua.test.made.v1, trường a: bắt buộc mà nay không còn; intake, status bản hiện nay không đọc đúng sự "
            "kiện mới trên examples.v1 (forward, so với bản phát hành 1). Hãy để trường như cũ, hoặc thêm "
            "vn.motcua.test.made.v2 bên cạnh phiên bản này.",
            "vn.motcua.test.made.v1, field a: was required and is gone; intake, status as they are now do not read new "
            "events on examples.v1 right (forward, compared with release 1). Leave the field as it was, or add "
            "vn.motcua.test.made.v2 beside this version.",
        ),
        ("backward", {"a": int, "b": (str, "")}, "kiểu đổi từ string thành integer", "type changed from string to integer"),
        ("forward", {"a": int, "b": (str, "")}, "kiểu đổi từ string thành integer", "type changed from string to integer"),
        ("backward", {"a": str, "b": str}, "trường b: nay bắt buộc", "field b: is required now"),
        ("forward", {"a": (str, ""), "b": (str, "")}, "a: không còn bắt buộc", "a: is no longer required"),
        ("backward", {"a": str, "c": (str, "")}, "b đổi tên thành c", "b was renamed to c"),
        ("forward", {"a": str, "c": (str, "")}, "b đổi tên thành c", "b was renamed to c"),
        ("forward", {"a": str, "b": (str, "đ")}, 'mặc định đổi từ "" thành "đ"', 'default changed from "" to "đ"'),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_a_sentence_that_says_what_whom_and_what_instead(
    judge: Callable[..., Any], tmp_path: Path, compatibility: str, fields: dict[str, Any], vi: str, en: str
) -> None:
    (fault,) = released.faults(certified(compatibility), of(fields), tmp_path)
    said = sentences.broken(fault)
    assert vi in said[0]
    assert en in said[1]
    assert unicodedata.is_normalized("NFC", said[0])


class Changed(payments.Opened):
    """The bill, and a field that nobody has ever written."""

    office: str


def test_every_topic_keeps_its_promise_and_has_made_one_or_announces_it() -> None:
    """The gate of the certificates."""
    assert [sentences.altered(found) for found in promises.altered(CERTIFICATES)] == []
    announced = {each.topic for each in promises.unreleased(CERTIFICATES)}
    there = {path.parent.name for path in promises.FOLDER.glob("*/promise.json")}
    assert {each.topic for each in CERTIFICATES} == there | announced


@pytest.mark.parametrize(
    ("word", "other"),
    [("key", "bill_id"), ("cleanup", "compact"), ("compatibility", "forward"), ("personal_data", "encrypted")],
)
def test_no_word_of_a_released_promise_is_taken_back(tmp_path: Path, word: str, other: str) -> None:
    retention = {"retention": None} if other == "compact" else {}
    before, after = certificate(topic=TOPIC), certificate(topic=TOPIC, **{word: other}, **retention)
    (path,) = promises.release([before], tmp_path)
    assert path == tmp_path / TOPIC / "promise.json"
    assert list(promises.altered([before], tmp_path)) == []
    assert promises.release([after], tmp_path) == [], "what was promised is not written over"
    (found,) = promises.altered([after], tmp_path)
    assert (found.topic, found.word, found.was, found.now) == (TOPIC, word, getattr(before, word), other)
    for sentence in sentences.altered(found):
        assert f"{TOPIC}: {word}" in sentence
        assert "examples.v2" in sentence


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_promise_is_named_and_no_approval(tmp_path: Path, text: str) -> None:
    (path,) = promises.release(certified(), tmp_path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"promise\.json: không phải"):
        list(promises.altered(certified(), tmp_path))


def test_a_promise_that_lost_a_word_is_no_approval(tmp_path: Path) -> None:
    (path,) = promises.release(certified(), tmp_path)
    path.write_text("{}")
    assert [found.word for found in promises.altered(certified(), tmp_path)] == list(promises.WORDS)


def test_the_command_refuses_a_certificate_that_switches_the_gate_off_in_the_same_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What breaks readers backward must not go through by promising forward instead."""
    loosened = [each.model_copy(update={"compatibility": "forward"}) for each in CERTIFICATES]
    monkeypatch.setattr(contracts, "load", lambda: loosened)
    monkeypatch.setattr(documents, "differences", list)
    monkeypatch.setattr(released, "release", lambda *_: pytest.fail("it was released"))
    for command in ("check", "release"):
        done = RUN.invoke(contracts.app, [command])
        assert done.exit_code == 1
        assert "payments.v1: compatibility đổi từ backward thành forward" in done.stderr
        assert "make payments.v2" in done.stderr
    told = json.loads(RUN.invoke(contracts.app, ["check", "--json"]).stdout)
    assert {(each["topic"], each["field"], each["change"]) for each in told["broken"] if each["type"] is None} == {
        (each.topic, "compatibility", "promise") for each in CERTIFICATES
    }


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's contracts with a mistake in them, and no way to release them by another one."""
    monkeypatch.setattr(contracts, "EVENTS", {**EVENTS, payments.Opened.TYPE: Changed})
    monkeypatch.setattr(released, "release", lambda *_: pytest.fail("it was released"))


def test_the_command_says_that_all_is_well() -> None:
    done = RUN.invoke(contracts.app, ["check", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["ok"], told["differences"], told["broken"]) == (True, [], [])


@pytest.mark.usefixtures("broken")
def test_the_command_refuses_what_breaks_a_reader_and_releases_none_of_it() -> None:
    for command in ("check", "release"):
        done = RUN.invoke(contracts.app, [command])
        assert done.exit_code == 1
        first, second, *more = done.stderr.splitlines()
        assert first.startswith(f"{payments.Opened.TYPE}, trường office: có thêm và bắt buộc; bản mới của intake,")
        assert second.startswith(f"  · {payments.Opened.TYPE}, field office: is new and required;")
        assert more == []


@pytest.mark.usefixtures("broken")
def test_a_program_is_told_the_same() -> None:
    done = RUN.invoke(contracts.app, ["check", "--json"])
    assert done.exit_code == 1
    (fault,) = json.loads(done.stdout)["broken"]
    assert (fault["type"], fault["topic"], fault["field"]) == (payments.Opened.TYPE, "payments.v1", "office")
    assert (fault["change"], fault["direction"]) == ("new", "backward")
