"""`motcua demo`: a real dossier taken all the way, and a refused one; fails with a reason when anything is off."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.child import StackError
from deploy.local.layout import Layout
from motcua import stack, trace
from motcua.journey import full_journey, refused_journey
from motcua.patient import JourneyError, Patient
from motcua.walk import SERVICES, Journey, dong, local

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    json_output: Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")] = False,
) -> None:
    """Một hồ sơ đi trọn đường: đổi giấy phép lái xe · a driving licence exchanged, from the form to the result."""
    progress = Console(stderr=json_output)
    code = ""
    try:
        layout = Layout.from_environment()
        _bring_up(layout, progress)
        with Patient() as http:
            walked = Journey(layout, http, progress.print)
            refused = Journey(layout, http, progress.print)
            try:
                full_journey(walked)
                refused_journey(refused)
            finally:
                code = walked.code
    except (JourneyError, StackError) as error:
        if json_output:
            told = {"ok": False, "dossier_code": code or None, "reason": str(error)}
            typer.echo(json.dumps(told, ensure_ascii=False))
        progress.print(f"[red]Không xong · failed:[/red] {error}")
        raise typer.Exit(1) from None
    if json_output:
        typer.echo(json.dumps(as_json(walked, refused), ensure_ascii=False))
    else:
        show(walked, progress)


def _bring_up(layout: Layout, progress: Console) -> None:
    """Start the stack when it is down. Raises StackError when what runs is not the whole stack at these ports."""
    seen = stack.running(layout.data)
    if seen is None:
        progress.print("Hệ thống chưa chạy, đang khởi động… · starting the stack")
        with contextlib.redirect_stdout(sys.stderr):
            stack.start([], zipkin=False, as_json=False)
        return
    if seen.offset != layout.offset:
        raise StackError(
            f"Hệ thống đang chạy với MOTCUA_PORT_OFFSET={seen.offset}, không phải {layout.offset}: đặt lại biến ấy"
            f" · the stack runs with MOTCUA_PORT_OFFSET={seen.offset}: set it so"
        )
    if missing := SERVICES - {child.name for child in seen.children}:
        names = ", ".join(sorted(missing))
        raise StackError(f"Thiếu {names}: `make stop`, rồi `make start` · not running: {names}; stop, then start")


def as_json(walked: Journey, refused: Journey) -> dict[str, Any]:
    """What a program reads of a demo."""
    return {
        "ok": True,
        "dossier_code": walked.code,
        "trace_id": walked.spans[0].trace_id,
        "form_errors": walked.form_errors,
        "receipt": walked.receipt,
        "timeline": walked.view["timeline"],
        "messages": walked.messages,
        "calendar": walked.calendar,
        "papers": walked.papers,
        "spans": len(walked.spans),
        "refused": {"dossier_code": refused.code, "timeline": refused.view["timeline"]},
    }


def show(journey: Journey, console: Console) -> None:
    """What each got: timeline, receipt, messages, calendar file, trace."""
    lines = Table("lúc · at", "việc · what", "ai · who", title=f"Hồ sơ {journey.code}")
    for line in journey.view["timeline"]:
        lines.add_row(local(line["at"]), line["text_vi"], line["officer"] or line["department"] or "")
    console.print(lines)
    receipt = journey.receipt
    console.print(f"Biên lai · receipt {receipt['number']}: {dong(receipt['amount'])}, {receipt['gateway_reference']}")
    for paper in journey.papers:
        form = f"mẫu {paper['form']}" if paper["form"] else "tệp · file"
        console.print(f"[cyan]{form}[/cyan] {paper['title']}", highlight=False)
    for message in journey.messages:
        text = message["text"] if message["channel"] == "sms" else f"“{message['subject']}”"
        console.print(f"[cyan]{message['channel']}[/cyan] {message['step']}: {text}", highlight=False)
    console.print(journey.calendar.strip(), style="dim", highlight=False)
    console.print(trace.tree(journey.code, list(journey.spans)))
    console.print(f"[green]Xong · done.[/green] `motcua trace {journey.code}`")
