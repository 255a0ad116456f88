"""Logs are JSON lines that lead to the error and never say what a person typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "Nguyễn Thị Ánh"
BEGINNING = """
import asyncio, logging, structlog, asyncpg
from pydantic import BaseModel
from chassis import logs
logs.configure("intake", "info")
log = structlog.get_logger()
class Person(BaseModel):
    age: int
def fail():
    Person(age=NAME)
"""


def lines(program: str) -> list[dict[str, Any]]:
    """What a process logs; a process of its own, for logging is set up once for each."""
    done = subprocess.run(
        [sys.executable, "-c", f"NAME = {NAME!r}\n{BEGINNING}\n{program}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]


@pytest.fixture(scope="module")
def logged() -> list[dict[str, Any]]:
    return lines("""
try:
    try:
        fail()
    except Exception as error:
        log.error("one", exc_info=error)
        log.exception("two")
        logging.getLogger("uvicorn.error").exception("three")
        raise KeyError(NAME) from error
except KeyError as error:
    log.error("four", exc_info=ExceptionGroup(NAME, [error, OSError(NAME)]))
refused = asyncpg.PostgresError.new({"C": "23505", "M": "duplicate", "D": f"Key (name)=({NAME}) already exists.", "n": "person_name"})
log.error("five", exc_info=refused)
async def forgotten():
    asyncio.create_task(failing())
    await asyncio.sleep(0.01)
async def failing():
    fail()
asyncio.run(forgotten())
log.info("six", code="G09")
""")


def test_no_line_has_what_was_typed(logged: list[dict[str, Any]]) -> None:
    assert len(logged) == 7
    assert NAME not in json.dumps(logged, ensure_ascii=False)


def test_every_error_leads_to_its_place(logged: list[dict[str, Any]]) -> None:
    for line in logged[:4]:
        text = "\n".join(line["exception"])
        assert "ValidationError" in text
        assert "fail" in text
    assert {"KeyError", "OSError"} <= set(logged[3]["exception"])
    assert logged[4]["exception"] == ["UniqueViolationError 23505 person_name"]
    assert logged[5]["event"] == "Task exception was never retrieved"
    assert "ValidationError" in logged[5]["exception"]


def test_every_line_says_when_where_and_how_bad(logged: list[dict[str, Any]]) -> None:
    for line in logged:
        assert line["service"] == "intake"
        assert line["timestamp"].endswith("Z")
        assert line["level"] in ("error", "info")
    assert logged[6]["code"] == "G09"


def test_a_paper_that_is_drawn_logs_nothing_and_so_none_of_its_letters() -> None:
    program = """
from fpdf import FPDF
from chassis import fonts
page = FPDF()
for style, path in fonts.cuts().items():
    page.add_font(fonts.FAMILY, style, path)
page.add_page()
page.set_font(fonts.FAMILY)
page.cell(text=NAME)
page.output()
"""
    assert lines(program) == []
