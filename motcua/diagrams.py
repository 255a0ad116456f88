"""`motcua diagrams`: the state machines as pages for people, drawn from the tables that the deciders go by."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis.table import Move, Table
from services.intake.domain import moves, publication
from services.notifications.domain import appointment, notice
from services.payments.domain import bill, difference, refund

app = typer.Typer(add_completion=False, help="Sơ đồ trạng thái trong docs/states · state diagrams.")

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "states"

# Each page: its title, the service that owns the states, and the table that its deciders go by.
PAGES: dict[str, tuple[str, str, Table]] = {
    "dossier": ("Hồ sơ · dossier", "intake", moves.MOVES),
    "procedure": ("Phiên bản thủ tục · a procedure's version", "intake", publication.MOVES),
    "bill": ("Khoản phí · bill", "payments", bill.MOVES),
    "difference": ("Chênh lệch khi đối soát · difference", "payments", difference.MOVES),
    "refund": ("Khoản hoàn trả · refund", "payments", refund.REFUND_MOVES),
    "appointment": ("Lịch hẹn · appointment", "notifications", appointment.TRANSITIONS),
    "notice": ("Thông báo · notice", "notifications", notice.TRANSITIONS),
}

Check = Annotated[bool, typer.Option("--check", help="Chỉ kiểm tra tệp có mới nhất không · only say what is stale.")]


@app.command()
def diagrams(check: Check = False) -> None:
    """Vẽ docs/states/*.md từ bảng chuyển trạng thái · draw docs/states/*.md from the tables of moves.

    Files that are current stay untouched. With --check nothing is written, and the exit code is 1 when one is stale.
    """
    stale = list(differences()) if check else write()
    if check and stale:
        print("\n".join(f"docs/states/{line}" for line in stale), file=sys.stderr)
        print("Chạy lệnh · run: motcua diagrams", file=sys.stderr)
        raise typer.Exit(1)
    print("\n".join(f"docs/states/{name}" for name in stale) or "Mọi tệp đều mới nhất · all files are current")


def pages() -> dict[str, str]:
    """Every page by its file name; always the same bytes for the same tables."""
    return {f"{name}.md": _page(name, *about) for name, about in PAGES.items()}


def differences(folder: Path = FOLDER) -> Iterator[str]:
    """A line for each file that is missing, stale or drawn from nothing; none when all is current."""
    drawn = pages()
    for name, text in drawn.items():
        if not (folder / name).exists():
            yield f"{name}: thiếu · missing"
        elif (folder / name).read_text("utf-8") != text:
            yield f"{name}: đã cũ · stale"
    for path in sorted(folder.glob("*.md")):
        if path.name not in drawn:
            yield f"{path.name}: không còn bảng nào · drawn from no table"


def write(folder: Path = FOLDER) -> list[str]:
    """Draw what is not current and remove what is drawn from nothing; answers the names of the files that changed."""
    drawn = pages()
    changed = [line.split(":")[0] for line in differences(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in drawn:
            (folder / name).write_text(drawn[name], "utf-8")
        else:
            (folder / name).unlink()
    return changed


def _page(name: str, title: str, service: str, table: Table) -> str:
    rows = "\n".join(_row(move) for move in table.moves)
    return f"""# {title}

Vẽ từ bảng chuyển trạng thái của dịch vụ `{service}`; đừng sửa tay, hãy chạy `motcua diagrams`. ·
Drawn from the table that `{service}` goes by; do not edit, run `motcua diagrams`.

```mermaid
{table.mermaid()}```

| từ · from | thông điệp · message | đến · to | sự kiện · event |
|---|---|---|---|
{rows}
"""


def _row(move: Move) -> str:
    cells = (_word(move.source), move.message.__name__, _word(move.target), _kind(move.event))
    return f"| {' | '.join(cells)} |"


def _word(state: Any) -> str:
    return "" if state is None else str(getattr(state, "name", state)).lower()


def _kind(event: type | None) -> str:
    return "" if event is None else f"`{getattr(event, 'TYPE', event.__name__)}`"
