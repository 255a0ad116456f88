"""Sandbox servers as real processes, and a client that receives what they post."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import httpx

from tests.ports import free_port as free_port

ROOT = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


def loopback() -> httpx.Client:
    """Without certificates: nobody asks for them here, and to read them takes 30 ms of a processor."""
    return httpx.Client(verify=False, trust_env=False, timeout=30)


def eventually(condition: Callable[[], Found], seconds: float = 60.0) -> Found:
    """What the condition answers as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found


@dataclass
class Server:
    """`python -m deploy.sandbox.NAME` with its environment, always on the same port and data."""

    name: str
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=loopback)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        told = {"SANDBOX_PORT": str(self.port), "SANDBOX_DATA": str(self.data)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"deploy.sandbox.{self.name}"],
            cwd=ROOT,
            env={**os.environ, **told, **self.environment},
        )
        eventually(self.healthy)
        return self

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}"
        with contextlib.suppress(httpx.TransportError):
            return self.http.get(f"{self.url}/healthz").status_code == 200
        return False

    def kill(self) -> None:
        """SIGKILL: nothing is said goodbye to."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def arm(self, name: str, times: int = 1, delay_seconds: float = 0.0) -> None:
        fault = {"name": name, "times": times, "delay_seconds": delay_seconds}
        self.http.post(f"{self.url}/_control/faults", json=fault).raise_for_status()

    def disarm(self) -> None:
        """All faults, whatever they still had to do."""
        self.http.delete(f"{self.url}/_control/faults").raise_for_status()

    def fired(self, name: str) -> int:
        armed = self.http.get(f"{self.url}/_control/faults").json()["armed"]
        return next(int(fault["fired"]) for fault in armed if fault["name"] == name)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        yield server.start()
    finally:
        server.stop()


@dataclass
class Sink:
    """An HTTP server that remembers what is posted to it and answers with `status` and `answer`, as they were before it did."""

    status: int = 200
    answer: bytes = b""
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        """The address to post to."""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                if len(body := self.rfile.read(length)) < length:
                    return  # whoever posts it was killed meanwhile
                status, answer = sink.status, sink.answer
                sink.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/receipts/sms"
            finally:
                server.shutdown()
