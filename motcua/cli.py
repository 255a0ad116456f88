"""The command line `motcua`: the embedded stack here; further commands in modules of their own."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="motcua",
    help="Một cửa: nền tảng hồ sơ hành chính trên Kafka và PostgreSQL · the one-stop desk, run on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
stack_app = typer.Typer(help="Đo hệ thống cục bộ · measure the embedded stack.", no_args_is_help=True)
app.add_typer(stack_app, name="stack")

# Commands whose modules are imported only when they are asked for; each offers `app`, a typer application.
FURTHER = {
    "demo": "Một hồ sơ đi trọn đường · take a real dossier all the way.",
    "trace": "Cây dấu vết của một hồ sơ · the trace of a dossier as a tree.",
    "procedures": "Danh mục thủ tục: kiểm tra, nạp, so sánh · the catalogue of procedures: check, import, compare.",
    "topics": "Các chủ đề Kafka · Kafka's topics and their certificates.",
    "contracts": "Tài liệu về các sự kiện: JSON Schema, AsyncAPI · the events' documents.",
    "diagrams": "Sơ đồ trạng thái trong docs/states · state diagrams, drawn from the tables of moves.",
    "migrate": "Di trú cơ sở dữ liệu · apply migrations.",
    "chaos": "Hành trình giữa lỗi: dừng đột ngột, đứt mạng, trùng lặp · journeys under faults, judged by an oracle.",
    "bench": "Đo tốc độ đường đi của sự kiện · measure the message path.",
    "payments": "Thu phí: đối soát cổng, sổ cái, hồ sơ · payments: gateways, ledger and dossiers reconciled.",
    "parked": "Sự kiện bị giữ lại · parked events: list, show, redrive, discard.",
}

Json = Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")]
Zipkin = Annotated[bool, typer.Option("--traces", help="Chạy Zipkin (tải 131 MB) · run Zipkin as trace page.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(help="Chỉ những phần này và phần chúng cần · only these, with what they need."),
]


@app.command()
def up(names: Names = None, traces: Zipkin = False) -> None:
    """Chạy hệ thống tại đây, Ctrl-C để dừng · run the stack in the foreground."""
    from motcua import stack

    _exit(lambda: stack.up(names or [], traces))


@app.command()
def start(names: Names = None, traces: Zipkin = False, as_json: Json = False) -> None:
    """Chạy nền, chờ đến khi sẵn sàng · run in the background, wait until ready."""
    from motcua import stack

    _exit(lambda: stack.start(names or [], traces, as_json))


@app.command()
def stop() -> None:
    """Dừng hệ thống, giữ dữ liệu · end the stack, keep its data."""
    from motcua import stack

    _exit(stack.stop)


@app.command()
def status(as_json: Json = False) -> None:
    """Trạng thái từng phần; mã thoát 0 sẵn sàng, 1 chưa, 3 không chạy · states; exit code 0 ready, 1 not, 3 down."""
    from motcua import stack

    _exit(lambda: stack.status(as_json))


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="Một phần; bỏ trống là tất cả · one part, or all.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Theo dõi · keep printing.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Số dòng cuối · last lines.")] = 40,
) -> None:
    """Nhật ký của các phần · what the parts have written."""
    from motcua import stack

    _exit(lambda: stack.logs(name, follow, lines))


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Không hỏi lại · do not ask.")] = False) -> None:
    """Dừng và quên mọi dữ liệu · end the stack and forget all its data."""
    from motcua import stack

    _exit(lambda: stack.reset() if yes or _agreed(stack.data_folder()) else 1)


def _agreed(data: Path) -> bool:
    """Whether whoever is asked wants all data deleted; a pipe may answer. Raises StackError when nobody does."""
    from deploy.local.child import StackError

    nobody = StackError(
        "Không có ai trả lời, chưa xóa gì: chạy `make reset YES=1` hoặc `motcua reset --yes` · "
        "nobody answers here, nothing was deleted: run `make reset YES=1` or `motcua reset --yes`"
    )
    if sys.stdin is None:
        raise nobody
    try:
        agreed = typer.confirm(f"Xóa mọi dữ liệu trong {data}? · delete all data there?", err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        typer.echo(err=True)
        raise nobody from None
    if not agreed:
        typer.echo("Không xóa gì · nothing was deleted", err=True)
    return agreed


@stack_app.command()
def measure(as_json: Json = False) -> None:
    """Khởi động nguội, ấm (giây) và bộ nhớ (MB), ở thư mục tạm · cold and warm start, memory, in a fresh folder."""
    from motcua import stack

    _exit(lambda: stack.measure(as_json))


def _further(name: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        import_module(f"motcua.{name}").app(args=context.args, prog_name=f"motcua {name}")

    return command


for _name, _help in FURTHER.items():
    if find_spec(f"motcua.{_name}") is not None:
        app.command(
            _name,
            help=_help,
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )(_further(_name))


def _exit(action: Callable[[], int]) -> None:
    """Run a command; what it cannot do is one line on standard error and exit code 1."""
    from deploy.local.child import StackError

    try:
        code = action()
    except StackError as error:
        typer.secho(str(error), err=True, fg="red")
        code = 1
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def main() -> None:
    """A download that still runs in a thread does not hold up the end."""
    from deploy.local.checks import explained
    from deploy.local.child import StackError
    from deploy.local.layout import Layout

    try:
        app()
    except (StackError, OSError) as error:
        told = explained(error, Layout.from_environment().data) if isinstance(error, OSError) else error
        typer.secho(str(told), err=True, fg="red")
        sys.exit(1)
    finally:
        code = sys.exc_info()[1]
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        if isinstance(code, SystemExit) and threading.active_count() > 1:
            os._exit(code.code if isinstance(code.code, int) else 1)
