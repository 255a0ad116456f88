"""`motcua contracts`: the documents of the events, for other systems to read."""

from __future__ import annotations

import json
import sys
from typing import Annotated, NoReturn

import typer

from deploy.kafka import documents
from deploy.kafka.certificates import CertificateError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tài liệu về các sự kiện cho hệ thống khác · The events' documents for other systems.",
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
    """Kiểm tra các tệp đã sinh có mới nhất không · Say whether the generated files are current; exit code 1 if not."""
    try:
        found = list(documents.differences())
    except (CertificateError, OSError) as error:
        _fail(error)
    if as_json:
        print(json.dumps({"ok": not found, "differences": found}, ensure_ascii=False))
    elif found:
        print("\n".join(f"contracts/{line}" for line in found), file=sys.stderr)
        print("Chạy lệnh · run: motcua contracts generate", file=sys.stderr)
    else:
        print("Mọi tệp đều mới nhất · all files are current")
    if found:
        raise typer.Exit(1)


def _fail(error: Exception) -> NoReturn:
    print(error, file=sys.stderr)
    raise typer.Exit(1)
