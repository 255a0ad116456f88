"""`motcua parked`: records that a service could not handle — look at them, redrive them, discard them.

The command writes orders into the service's database; the service carries them out and writes down what became of them.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, Any

import typer

from motcua import parked_records, parked_view
from motcua.parked_database import Unreachable, connected
from motcua.parked_ordering import Asked, nothing, order, print_json
from motcua.parked_records import STATES, Filters, Misuse

CANNOT, MISUSE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    help="Bản ghi bị giữ lại vì lỗi: xem, làm lại, bỏ · records that a service could not handle.\n\n"
    "Mã thoát · exit codes: 0 xong như lệnh · done as ordered; 1 không làm được · cannot; 2 lệnh sai · misuse; "
    "3 không có bản ghi nào khớp · nothing matches; 4 có bản ghi không xong như lệnh · some ended otherwise; "
    "5 hết giờ chờ, lệnh vẫn còn đó · not carried out in time, the orders stay; 130 Ctrl-C, đã rút lệnh · withdrawn.",
    no_args_is_help=True,
    add_completion=False,
)

Service = Annotated[str, typer.Option("--service", help="intake, payments, notifications, status…")]
Where = Annotated[
    str | None,
    typer.Argument(metavar="[PARTITION/OFFSET|ID]", help="Một bản ghi, hay mã sự kiện, mã lệnh · one record."),
]
OneConsumer = Annotated[str | None, typer.Option("--consumer", help="Ví dụ payments.bills.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Ví dụ dossiers.v1.")]
Key = Annotated[str | None, typer.Option("--key", help="Khóa, thường là mã hồ sơ · mostly a dossier code.")]
Error = Annotated[str | None, typer.Option("--error", help="Một đoạn của lỗi · a part of the error.")]
State = Annotated[str, typer.Option("--state", help=f"{', '.join(STATES)}.")]
Since = Annotated[str | None, typer.Option("--since", help="30m, 2h, 1d (trước · ago) hoặc 2026-06-09T14:00.")]
Until = Annotated[str | None, typer.Option("--until", help="Như --since, không kể lúc đó · exclusive.")]
Json = Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")]
Every = Annotated[bool, typer.Option("--all", help="Mọi bản ghi còn mở · every open record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Chỉ xem sẽ làm gì · only say what would be done.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Nhiều nhất mỗi giây · at most so many a second.")]
By = Annotated[str | None, typer.Option("--by", help="Ai ra lệnh; mặc định: tên đăng nhập · default: the login name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Không hỏi lại · do not ask.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="Nhiều nhất, cũ nhất trước · at most, oldest first.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Không chờ kết quả · do not wait for the outcome.")]
Patience = Annotated[
    float, typer.Option("--timeout", min=1, help="Chờ bao nhiêu giây không có tiến triển · seconds without progress.")
]


@app.command("list")
def list_parked(
    service: Service,
    where: Where = None,
    consumer: OneConsumer = None,
    topic: Topic = None,
    key: Key = None,
    error: Error = None,
    state: State = "open",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Số bản ghi nhiều nhất · most records.")] = 50,
    as_json: Json = False,
) -> None:
    """Đếm theo consumer và lỗi, rồi từng bản ghi, cũ nhất trước · counts by consumer and error, then records."""

    async def act() -> int:
        filters = _filters(where, consumer, topic, key, error, state, since, until)
        async with connected(service, read_only=True) as connection:
            counts = await parked_records.counts(connection, filters)
            rows = await parked_records.records(connection, filters, limit)
        if as_json:
            told = {
                "counts": [parked_view.counts_as_json(row) for row in counts],
                "records": [parked_view.as_json(row) for row in rows],
            }
            print_json(told)
        elif not counts:
            typer.echo(f"{service}: không có bản ghi nào · no such records")
        else:
            parked_view.counts(parked_view.console(), counts)
            parked_view.records(parked_view.console(), rows)
            if (total := sum(row["records"] for row in counts)) > len(rows):
                typer.echo(f"{len(rows)} / {total}; --limit để xem thêm · for more")
        return 0

    _exit(act())


@app.command()
def show(
    service: Service, where: Where, consumer: OneConsumer = None, topic: Topic = None, as_json: Json = False
) -> None:
    """Mọi điều về một bản ghi; giá trị niêm phong không hiện · everything about one record; sealed values stay sealed."""

    async def act() -> int:
        filters = _filters(where, consumer, topic, None, None, "all", None, None)
        async with connected(service, read_only=True) as connection:
            found = await parked_records.everything_about(connection, filters, 20)
        sealed = _sealed()
        if as_json:
            print_json(
                [
                    {
                        **parked_view.as_json(each.row),
                        "headers": [
                            [name, None if raw is None else raw.decode(errors="backslashreplace")]
                            for name, raw in parked_records.headers_of(each.row)
                        ],
                        "value": parked_view.value_of(each.row, sealed),
                        "behind": [parked_view.place_of(row) for row in each.behind],
                        "orders": [parked_view.order_as_json(row) for row in each.orders],
                    }
                    for each in found
                ]
            )
        for each in found if not as_json else ():
            parked_view.whole(parked_view.console(), each, sealed)
        return 0 if found else nothing()

    _exit(act())


@app.command()
def redrive(
    service: Service,
    where: Where = None,
    consumer: OneConsumer = None,
    topic: Topic = None,
    key: Key = None,
    error: Error = None,
    state: State = "open",
    since: Since = None,
    until: Until = None,
    every: Every = False,
    limit: Most = None,
    dry_run: DryRun = False,
    rate: Rate = None,
    by: By = None,
    reason: Annotated[str, typer.Option("--reason", help="Vì sao · why.")] = "",
    yes: Yes = False,
    no_wait: NoWait = False,
    timeout: Patience = 90,
    as_json: Json = False,
) -> None:
    """Làm lại: từ bản ghi cũ nhất của mỗi khóa, rồi các bản ghi chờ sau · redrive keys, each from its oldest record."""
    asked = Asked("redrive", by or _login(), reason, rate, limit, dry_run, yes, not no_wait, timeout, as_json)
    _exit(order(service, asked, lambda: _filters(where, consumer, topic, key, error, state, since, until), every))


@app.command()
def discard(
    service: Service,
    reason: Annotated[str, typer.Option("--reason", help="Vì sao, bắt buộc · why; mandatory.")],
    where: Where = None,
    consumer: OneConsumer = None,
    topic: Topic = None,
    key: Key = None,
    error: Error = None,
    state: State = "open",
    since: Since = None,
    until: Until = None,
    every: Every = False,
    limit: Most = None,
    dry_run: DryRun = False,
    rate: Rate = None,
    by: By = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    timeout: Patience = 90,
    as_json: Json = False,
) -> None:
    """Bỏ hẳn các bản ghi lỗi; bản ghi chờ sau đi tiếp · discard failing records for good; those held behind go on."""
    asked = Asked("discard", by or _login(), reason, rate, limit, dry_run, yes, not no_wait, timeout, as_json)
    _exit(order(service, asked, lambda: _filters(where, consumer, topic, key, error, state, since, until), every))


def _filters(
    where: str | None,
    consumer: str | None,
    topic: str | None,
    key: str | None,
    error: str | None,
    state: str | None,
    since: str | None,
    until: str | None,
) -> Filters:
    if state not in STATES:
        raise Misuse(f"--state {state}: chỉ có · there are only: {', '.join(STATES)}")
    partition, offset, identity = parked_records.place_or_id(where)
    times = parked_records.moment(since), parked_records.moment(until)
    return Filters(consumer, topic, key, error, STATES[state], *times, partition, offset, identity)


def _login() -> str:
    """The name that this person logged in with; empty where the machine knows none."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def _sealed() -> dict[str, bool]:
    """Of each topic with a certificate: whether its values are sealed."""
    from deploy.kafka.certificates import load

    return {certificate.topic: certificate.personal_data != "none" for certificate in load()}


def _exit(action: Coroutine[Any, Any, int]) -> None:
    """Run a command; what it cannot do is one line on standard error."""
    try:
        code = asyncio.run(action)
    except (Unreachable, Misuse) as error:
        typer.secho(str(error), err=True, fg="red")
        code = CANNOT if isinstance(error, Unreachable) else MISUSE
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise typer.Exit(code)
