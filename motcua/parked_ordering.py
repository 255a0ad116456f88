"""Giving orders about parked records: what would be done, asking, writing, following; and the exit codes that say how it went."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import typer
from rich.progress import Progress as Bar

from chassis import orders
from chassis.orders import Action
from chassis.postgres import Connection
from motcua import parked_orders, parked_view
from motcua.parked_database import connected
from motcua.parked_records import Filters, Misuse

NOTHING, OTHERWISE, UNFINISHED = 3, 4, 5
_SLOWEST, _FASTEST = 1 / 3600, 1_000  # records a second; not a number is neither


@dataclass(frozen=True)
class Asked:
    """How an order is to be given."""

    action: Action
    by: str
    reason: str
    per_second: float | None
    limit: int | None
    dry_run: bool
    yes: bool
    wait: bool
    patience: float
    as_json: bool


async def order(service: str, asked: Asked, meant: Callable[[], Filters], every: bool) -> int:
    """Give an order about what the filters mean, or say what it would be; answers the exit code.

    Raises Misuse, Unreachable.
    """
    filters = meant()
    _check(asked, filters, every)
    async with connected(service, read_only=True) as connection:
        rows = await parked_orders.chosen(connection, asked.action, filters, asked.limit)
    if not rows:
        return nothing()
    if asked.dry_run or not asked.yes:
        _preview(asked, rows)
    if asked.dry_run:
        return 0
    if not asked.yes:
        _confirm()
    async with connected(service, read_only=False) as connection:
        writing = asyncio.create_task(
            parked_orders.order(connection, asked.action, rows, asked.by, asked.reason, asked.per_second)
        )
        try:
            code = await _given(service, connection, asked, await asyncio.shield(writing))
        except asyncio.CancelledError:
            # Ctrl-C while they are written: they are there a moment later, and nobody would know.
            await _withdraw(service, (await writing).ids)
            raise
    return code


async def _given(service: str, connection: Connection, asked: Asked, written: parked_orders.Written) -> int:
    if written.known:
        _warn(f"{written.known} bản ghi đã có lệnh này, chưa xong · have this order already, and it is not done yet")
    if written.contrary:
        _warn(
            f"{written.contrary} bản ghi đang chờ một lệnh khác: chạy lại lệnh kia rồi Ctrl-C để rút · "
            "wait for another order and keep it: run that command again and withdraw it with Ctrl-C"
        )
    if asked.wait:
        code = await _follow(service, connection, asked, written.ids)
    else:
        code = _report(asked, await parked_orders.look(connection, written.ids), 0)
    return code or (OTHERWISE if written.contrary else 0)


async def _withdraw(service: str, ids: Sequence[UUID]) -> None:
    async with connected(service, read_only=False) as connection:
        number = await orders.withdraw(connection, ids, "Ctrl-C")
    _warn(f"Đã rút {number} lệnh chưa làm · withdrew what was not carried out yet")


async def _follow(service: str, connection: Connection, asked: Asked, ids: Sequence[UUID]) -> int:
    console = parked_view.console(error=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("đang chờ dịch vụ · the service works", total=len(ids))

        def tell(seen: parked_orders.Progress) -> None:
            left = f" · còn mở · still open: {seen.open}" if seen.open else ""
            bar.update(task, completed=seen.done, description=f"đang chờ dịch vụ · the service works{left}")

        seen = await parked_orders.follow(connection, ids, asked.patience, tell)
    if seen.timed_out:
        typer.secho(
            f"Không có tiến triển trong {asked.patience:.0f} giây; lệnh vẫn còn đó. {service} có chạy không? `motcua status`"
            f" · no progress; the orders stay and are carried out when {service} runs its consumers",
            err=True,
            fg="red",
        )
        return _report(asked, seen, UNFINISHED)
    return _report(asked, seen, OTHERWISE if seen.otherwise else 0)


def _report(asked: Asked, seen: parked_orders.Progress, code: int) -> int:
    if asked.as_json:
        told = {"orders": [parked_view.order_as_json(row) for row in seen.rows], "still_open": seen.open}
        print_json(told)
    else:
        parked_view.outcomes(parked_view.console(), seen)
    return code


def _preview(asked: Asked, rows: Sequence[Any]) -> None:
    if asked.as_json:
        if asked.dry_run:
            print_json({"would": asked.action, "records": [parked_view.as_json(row) for row in rows]})
        return
    parked_view.records(parked_view.console(), rows, with_behind=asked.action == "redrive")
    what = "làm lại · redrive" if asked.action == "redrive" else "bỏ hẳn · discard for good"
    typer.echo(f"{what}: {len(rows)}")


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise Misuse("Không có ai để hỏi: thêm --yes · nobody can be asked here: add --yes")
    typer.confirm("Tiếp tục? · go on?", abort=True)


def _check(asked: Asked, filters: Filters, every: bool) -> None:
    if asked.action == "discard" and not asked.reason.strip():
        raise Misuse("Bỏ thì phải nói vì sao: --reason · a discard needs a reason")
    if asked.per_second is not None and not _SLOWEST <= asked.per_second <= _FASTEST:
        raise Misuse(
            f"--rate là số bản ghi mỗi giây, từ {_SLOWEST:.5f} (một bản ghi mỗi giờ) đến {_FASTEST} · "
            f"is records a second, from one an hour to {_FASTEST}"
        )
    if not asked.by.strip():
        raise Misuse("Nói ai ra lệnh: --by · say who orders it")
    if filters.says_nothing != every:
        raise Misuse(
            "Nói rõ bản ghi nào: một bộ lọc, PARTITION/OFFSET, hoặc --all (không kèm bộ lọc) · "
            "say which records: a filter, PARTITION/OFFSET, or --all alone"
        )


def _warn(words: str) -> None:
    typer.secho(words, err=True, fg="yellow")


def nothing() -> int:
    """Say that no record matches."""
    _warn("Không có bản ghi nào khớp · no record matches")
    return NOTHING


def print_json(told: object) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
