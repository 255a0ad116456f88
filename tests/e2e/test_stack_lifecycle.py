"""The stack comes up, is seen, goes on with its data, and leaves no process behind, by whatever way it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from deploy.local.processes import Process
from deploy.local.secrets import Secrets
from deploy.local.state import StackState
from tests.e2e.command_line import PATIENCE_SECONDS, CommandLine
from tests.supervised import all_gone, until


def everything(seen: StackState) -> list[Process]:
    return [seen.supervisor, *seen.processes()]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A stack for the tests that let it run on."""
    line = CommandLine(tmp_path_factory.mktemp("running"))
    line.start()
    yield line
    line.close()


def test_start_status_stop_and_a_second_start_on_the_same_data(motcua: CommandLine) -> None:
    assert motcua.run("status").returncode == 3
    first = motcua.start()
    told = motcua.status()
    assert told["state"] == "ready"
    assert {child["name"]: child["state"] for child in told["children"]} == dict.fromkeys(motcua.parts, "ready")
    assert motcua.run("status").returncode == 0

    again = motcua.start()
    assert again.supervisor == first.supervisor

    assert motcua.run("stop").returncode == 0
    assert all_gone(everything(first))()
    assert motcua.status() == {"state": "stopped", "children": []}

    identity = (motcua.data / "postgres/data/global/pg_control").stat().st_ino
    motcua.start()
    assert (motcua.data / "postgres/data/global/pg_control").stat().st_ino == identity


def test_the_table_shows_names_addresses_and_states(running: CommandLine) -> None:
    printed = running.run("status").stdout
    for part in (*running.parts, f"127.0.0.1:{15432 + running.offset}", "sẵn sàng"):
        assert part in printed


def test_up_while_it_runs_says_so_and_harms_nothing(running: CommandLine) -> None:
    before = everything(running.seen())
    second = running.run("up", *running.parts)
    assert second.returncode == 0
    assert "make stop" in second.stderr
    assert all(process.runs() for process in before)


def drain(terminal: int) -> None:
    """Read what the terminal shows, so that the program never waits for it."""

    def read() -> None:
        try:
            while os.read(terminal, 65536):
                pass
        except OSError:
            return

    threading.Thread(target=read, daemon=True).start()


def test_ctrl_c_in_a_terminal_ends_everything_in_order(motcua: CommandLine) -> None:
    process, terminal = motcua.in_terminal()
    drain(terminal)
    seen = motcua.ready(process)
    os.write(terminal, b"\x03")
    assert process.wait(PATIENCE_SECONDS) == 0
    assert all_gone(everything(seen))()
    assert "database system is shut down" in (motcua.data / "logs/postgres.log").read_text()
    os.close(terminal)


def test_a_closed_terminal_ends_everything(motcua: CommandLine) -> None:
    process, terminal = motcua.in_terminal()
    seen = motcua.ready(process)
    os.close(terminal)
    until(lambda: process.poll() is not None and all_gone(everything(seen))(), PATIENCE_SECONDS)


@pytest.mark.parametrize("name", ["postgres", "mail"])
def test_a_killed_child_comes_back_while_the_others_go_on(running: CommandLine, name: str) -> None:
    children = {child.name: child for child in running.seen().children}
    victim = children.pop(name)
    assert victim.process is not None
    os.kill(victim.process.pid, signal.SIGKILL)

    def back() -> bool:
        told = {child["name"]: child for child in running.status()["children"]}
        return bool(told[name]["restarts"] == victim.restarts + 1 and told[name]["state"] == "ready")

    until(back, PATIENCE_SECONDS)
    assert all(child.process is not None and child.process.runs() for child in children.values())


def test_after_a_killed_supervisor_the_next_start_goes_on_with_the_data(motcua: CommandLine) -> None:
    seen = motcua.start()
    secrets = Secrets.open(motcua.data)
    os.kill(seen.supervisor.pid, signal.SIGKILL)
    again = motcua.start()
    assert all_gone(everything(seen))()
    assert again.supervisor != seen.supervisor
    assert Secrets.open(motcua.data) == secrets


def test_two_stacks_run_side_by_side(running: CommandLine, motcua: CommandLine) -> None:
    both = [running.seen(), motcua.start()]
    assert all(process.runs() for stack in both for process in everything(stack))
    assert motcua.offset != running.offset


def test_reset_forgets_the_data_and_touches_nothing_else(motcua: CommandLine) -> None:
    seen = motcua.start()
    kept = motcua.data / "mine.txt"
    kept.write_text("keep")
    before = Secrets.open(motcua.data)
    refused = subprocess.run(motcua.command("reset"), env=motcua.environment, input=b"n\n", capture_output=True)
    assert refused.returncode == 1
    assert all(process.runs() for process in everything(seen))

    assert motcua.run("reset", "--yes").returncode == 0
    assert all_gone(everything(seen))()
    assert not (motcua.data / "postgres").exists()
    assert kept.read_text() == "keep"
    assert Secrets.open(motcua.data) != before


def test_logs_print_each_part_and_name_what_there_is(running: CommandLine) -> None:
    assert "ready to accept connections" in running.run("logs", "postgres").stdout
    assert "ready to accept connections" in running.run("logs").stdout
    unknown = running.run("logs", "nothing")
    assert unknown.returncode == 1
    assert "postgres" in unknown.stderr


def test_following_a_log_prints_what_is_written_from_now_on(running: CommandLine) -> None:
    command = running.command("logs", "postgres", "-f", "-n", "0")
    follower = subprocess.Popen(command, env=running.environment, stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    try:
        log = running.data / "logs" / "postgres.log"
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
        reader.start()

        def written_and_seen() -> bool:
            with log.open("a") as file:
                file.write("a new line\n")
            return bool(lines)

        until(written_and_seen, PATIENCE_SECONDS)
        assert lines[0] == "a new line\n"
    finally:
        follower.kill()
        follower.wait()
