"""`motcua contracts`: the documents of the events, for other systems to read, and what was promised with them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, NoReturn, TextIO

import typer

from contracts.registry import EVENTS
from deploy.kafka import documents
from deploy.kafka.certificates import CertificateError, load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tài liệu và lời hứa về các sự kiện cho hệ thống khác · The events' documents for other systems, and promises.",
)

AsJson = Annotated[bool, typer.Option("--json", help="In ra JSON cho máy đọc · Print JSON for a program.")]


@app.command()
def generate(as_json: AsJson = False) -> None:
    """Sinh contracts/schemas/*.json và asyncapi.yaml · Write the JSON Schemas and the AsyncAPI document.

    From the event classes and contracts/topics/*.yaml; files that are current stay untouched.
    """
    try:
        changed = documents.write()
    except (CertificateError, OSError) as error:
        _fail(error)
    if as_json:
        print(json.dumps({"changed": changed}))
    elif changed:
        print("\n".join(f"contracts/{name}" for name in changed))
    else:
        print("Mọi tệp đều mới nhất · all files are current")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Kiểm tra các tệp đã sinh và lời hứa với người đọc · Check the generated files and what was promised to readers.

    Exit code 1 when a file is out of date, when a schema breaks a released one in a direction that the topic's
    certificate promises (compatibility), or when a certificate takes back what its topic promised.
    """
    stale, broken, news = _judged()
    if as_json:
        found = {"ok": not stale and not broken, "differences": stale, "broken": broken, "unreleased": news}
        print(json.dumps(found, ensure_ascii=False))
    else:
        _tell(stale, broken, news)
    if stale or broken:
        raise typer.Exit(1)


@app.command()
def release(as_json: AsJson = False) -> None:
    """Lấy lược đồ hôm nay làm lời hứa mới · Make today's schemas the released ones (contracts/released).

    Refuses, with exit code 1, whatever `check` refuses. A change of words alone is no new release.
    """
    stale, broken, news = _judged()
    if stale or broken:
        _tell(stale, broken, [])
        raise typer.Exit(1)
    from motcua import promises, released

    try:
        certificates = load()
        added = promises.release(certificates) + released.release(certificates, EVENTS)
    except (OSError, ValueError) as error:
        _fail(error)
    names = [str(path.relative_to(documents.FOLDER)) for path in added]
    if as_json:
        print(json.dumps({"released": names}))
    elif names:
        print("\n".join(f"contracts/{name}" for name in names))
        _say(news)
    else:
        print("Không có gì mới · nothing new")


Told = Sequence[Mapping[str, str | None]]


def _judged() -> tuple[list[str], Told, Told]:
    """Files that are out of date, promises that are broken, schemas that are not released yet."""
    try:
        from motcua import promises, released, sentences
    except ModuleNotFoundError as error:
        _fail(
            f"Thiếu {error.name}: chạy `make install` với Python 3.11–3.13 · {error.name} is missing: run it with those"
        )
    try:
        stale = list(documents.differences())
        certificates = load()
        faults: list[dict[str, str | None]] = [
            {
                "type": None,
                "topic": each.topic,
                "field": each.word,
                "change": "promise",
                "direction": None,
                **_both(sentences.altered(each)),
            }
            for each in promises.altered(certificates)
        ]
        faults += [
            {
                "type": fault.type,
                "topic": fault.topic,
                "field": fault.found.field,
                "change": fault.found.what,
                "direction": fault.direction,
                **_both(sentences.broken(fault)),
            }
            for fault in released.faults(certificates, EVENTS)
        ]
        news = [_both(sentences.promising(each)) for each in promises.unreleased(certificates)]
        news += [_both(sentences.announced(each)) for each in released.unreleased(certificates, EVENTS)]
    except (CertificateError, OSError, ValueError) as error:
        _fail(error)
    return stale, faults, news


def _both(sentence: tuple[str, str]) -> dict[str, str]:
    return {"vi": sentence[0], "en": sentence[1]}


def _tell(stale: list[str], broken: Told, news: Told) -> None:
    for line in stale:
        print(f"contracts/{line}", file=sys.stderr)
    if stale:
        print("Chạy lệnh · run: motcua contracts generate", file=sys.stderr)
    _say(broken, sys.stderr)
    if news:
        print("Chưa phát hành · not released yet:")
    _say(news)
    if not stale and not broken:
        print("Mọi tệp đều mới nhất, mọi lời hứa được giữ · all files are current, all promises kept")


def _say(sentences: Told, to: TextIO | None = None) -> None:
    for each in sentences:
        print(f"{each['vi']}\n  · {each['en']}", file=to)


def _fail(error: object) -> NoReturn:
    print(error, file=sys.stderr)
    raise typer.Exit(1)
