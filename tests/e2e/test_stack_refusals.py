"""What stands in the way of a start is one line that says what to do, and nothing is left running."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.command_line import PATIENCE_SECONDS, CommandLine

MOUNTING = ["unshare", "--user", "--map-root-user", "--mount"]


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal; progress may stand before it."""
    assert result.returncode == 1
    line = result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    return line


@pytest.mark.parametrize("command", ["up", "start"])
def test_a_taken_port_is_named_with_its_holder_and_the_way_out(motcua: CommandLine, command: str) -> None:
    port = 15432 + motcua.offset
    with socket.create_server(("127.0.0.1", port)):
        line = said(motcua.run(command, *motcua.parts))
    assert all(part in line for part in (str(port), "postgres", f"pid {os.getpid()}", "MOTCUA_PORT_OFFSET"))
    assert motcua.run("status").returncode == 3


def test_an_unknown_part_is_refused_with_the_list_of_parts(motcua: CommandLine) -> None:
    assert "postgres, kafka" in said(motcua.run("up", "nothing"))


def test_an_offset_that_is_no_number_or_too_large_is_refused(motcua: CommandLine) -> None:
    for wrong in ("many", "60000", "-9000"):
        result = subprocess.run(
            motcua.command("up"),
            env={**motcua.environment, "MOTCUA_PORT_OFFSET": wrong},
            capture_output=True,
            text=True,
        )
        assert "MOTCUA_PORT_OFFSET" in said(result)


def test_a_data_folder_that_is_a_file_is_refused(motcua: CommandLine) -> None:
    motcua.data.write_text("")
    assert str(motcua.data) in said(motcua.run("up", *motcua.parts))


def in_mounted_folder(motcua: CommandLine, options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the data folder on a file system of its own."""
    if shutil.which("unshare") is None or subprocess.run([*MOUNTING, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a file system of his own")
    motcua.data.mkdir()
    script = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    return subprocess.run(
        [*MOUNTING, "sh", "-c", script, str(motcua.data), *motcua.command(*arguments)],
        env=motcua.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.mark.parametrize("command", ["up", "start"])
def test_a_full_disk_is_said_before_anything_starts(motcua: CommandLine, command: str) -> None:
    line = said(in_mounted_folder(motcua, "size=20m", command, *motcua.parts))
    assert "disk" in line
    assert "MOTCUA_DATA" in line


@pytest.mark.parametrize("command", ["up", "start"])
def test_a_folder_that_cannot_be_written_is_named(motcua: CommandLine, command: str) -> None:
    line = said(in_mounted_folder(motcua, "ro", command, *motcua.parts))
    assert str(motcua.data) in line
    assert "MOTCUA_DATA" in line


def test_damaged_data_of_postgresql_are_named_with_the_ways_out(motcua: CommandLine) -> None:
    motcua.start()
    motcua.run("stop")
    Path(motcua.data, "postgres/data/global/pg_control").write_bytes(b"damaged")
    line = said(motcua.run("start", *motcua.parts))
    assert "make reset" in line
