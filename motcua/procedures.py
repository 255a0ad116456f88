"""`motcua procedures`: the catalogue's data files checked, imported into the running system, and compared."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chassis.clock import VIETNAM
from deploy.local.child import StackError
from deploy.local.layout import Layout
from motcua.actors import Actor
from motcua.patient import JourneyError, Patient
from services.intake.domain import files, inspection
from services.intake.domain.difference import differences
from services.intake.domain.files import Mistake, WrongFiles
from services.intake.domain.procedure import Procedure
from services.intake.domain.publication import NAMES

app = typer.Typer(
    help="Danh mục thủ tục: kiểm tra, nạp, so sánh · the catalogue of procedures: check, import, compare.",
    no_args_is_help=True,
    add_completion=False,
)

OPERATOR = "vanhanh"

Json = Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")]
Place = Annotated[
    Path | None,
    typer.Argument(
        help="Một tệp hay một thư mục danh mục; bỏ trống: danh mục đi kèm · a file or a catalogue's folder."
    ),
]
Source = Annotated[
    Path,
    typer.Argument(help="Một tệp phiên bản hoặc một thư mục danh mục · a version's file, or a catalogue's folder."),
]
Side = Annotated[
    str | None, typer.Argument(help="Một tệp, hoặc MÃ/PHIÊN BẢN như 1.002809/2 · a file, or CODE/VERSION.")
]
Running = Annotated[
    bool, typer.Option("--running", help="So các tệp với hệ thống đang chạy · compare files with the running system.")
]


@app.command()
def check(path: Place = None, as_json: Json = False) -> None:
    """Kiểm tra mọi tệp, kể hết lỗi một lượt; mã thoát 1 khi có lỗi · check all files, every mistake at once.

    Legal bases that end within 60 days are told and are no mistakes.
    """
    today = datetime.now(UTC).astimezone(VIETNAM).date()
    if path is not None and path.is_file():
        found = inspection.of_file(str(path), _read(path), today)
    else:
        found = inspection.of_folder(_folder(path) if path else files.FOLDER, today)
    if as_json:
        told = {
            "ok": not found.mistakes,
            "procedures": found.procedures,
            "versions": found.versions,
            "mistakes": [_as_json(each) for each in found.mistakes],
            "warnings": [_as_json(each) for each in found.warnings],
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for each in found.warnings:
            typer.secho(f"sắp hết hiệu lực · ending: {each}", fg="yellow")
        for each in found.mistakes:
            typer.secho(f"sai · wrong: {each}", fg="red", err=True)
        typer.echo(
            f"{found.procedures} thủ tục, {found.versions} phiên bản, {len(found.mistakes)} lỗi · "
            f"{found.procedures} procedures, {found.versions} versions, {len(found.mistakes)} mistakes"
        )
    raise typer.Exit(1 if found.mistakes else 0)


@app.command("import")
def import_(path: Source) -> None:
    """Nạp các phiên bản vào hệ thống đang chạy, thành dự thảo · import versions as drafts into the running system."""
    procedures = _procedures(path)
    with Patient() as http:
        operator = Actor(Layout.from_environment(), http, OPERATOR)
        failed = 0
        for each in procedures:
            try:
                state = operator.ask("POST", "intake", "/procedures/import", json=each.model_dump(mode="json"))["state"]
                typer.echo(f"{each.code} phiên bản {each.version}: {NAMES[state]} · version {each.version}: {state}")
            except (JourneyError, StackError) as error:
                failed += 1
                typer.secho(str(error), fg="red", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def diff(a: Side = None, b: Side = None, running: Running = False) -> None:
    """So sánh hai phiên bản bằng lời; mã thoát 1 khi khác nhau · compare two versions in words; exit code 1 if different."""
    if running:
        one = [_version(a)] if a else _procedures(None)
        different = _compare_with_running(one)
    elif a and b:
        lines = [str(each) for each in differences(_version(a), _version(b))]
        typer.echo("\n".join(lines) or "Không có gì khác · nothing differs")
        different = bool(lines)
    else:
        _fail("Cần hai phiên bản, hoặc --running · two versions are needed, or --running")
    raise typer.Exit(1 if different else 0)


def _compare_with_running(procedures: list[Procedure]) -> bool:
    different = False
    with Patient() as http:
        operator = Actor(Layout.from_environment(), http, OPERATOR)
        for each in procedures:
            name = f"{each.code}/{each.version}"
            try:
                there = operator.find("intake", f"/procedures/{each.code}/versions/{each.version}")
            except (JourneyError, StackError) as error:
                _fail(str(error))
            lines = [str(line) for line in differences(Procedure.model_validate(there), each)] if there else []
            if there is None:
                lines = ["chưa có trong hệ thống đang chạy · not in the running system"]
            for line in lines:
                different = True
                typer.echo(f"{name}: {line}")
    if not different:
        typer.echo("Không có gì khác · nothing differs")
    return different


def _version(named: str) -> Procedure:
    """A version by its file, or by CODE/VERSION in the catalogue that ships."""
    if Path(named).is_file():
        return _procedures(Path(named))[0]
    found = {f"{each.code}/{each.version}": each for each in _procedures(None)}
    if named not in found:
        _fail(f"Không có tệp hay phiên bản {named}; hiện có · no such file or version; there are: {', '.join(found)}")
    return found[named]


def _procedures(path: Path | None) -> list[Procedure]:
    """What a file or a folder holds. Ends with all that is wrong in it."""
    try:
        if path is None or path.is_dir():
            return files.read(_folder(path) if path else files.FOLDER).procedures
        procedure, mistakes = files.parsed_text(str(path), _read(path), Procedure)
    except WrongFiles as wrong:
        _fail(str(wrong))
    if procedure is None:
        _fail("\n".join(map(str, mistakes)))
    return [procedure]


def _folder(path: Path) -> Path:
    if not (path / "procedures").is_dir():
        _fail(f"{path}: không phải thư mục danh mục (cần có procedures/) · not a catalogue's folder")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{path}: {error}")


def _as_json(mistake: Mistake) -> dict[str, str]:
    return {"file": mistake.file, "path": mistake.path, "text": mistake.text}


def _fail(text: str) -> NoReturn:
    typer.secho(text, fg="red", err=True)
    raise typer.Exit(1)
