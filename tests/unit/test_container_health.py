"""A container is healthy when its server says so, and otherwise the reason is shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.containers.healthy import address, trouble


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/readyz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_says_it_is_ready_is_healthy() -> None:
    with answering(200, b"{}") as url:
        assert trouble(url) is None


def test_a_server_that_waits_tells_for_what() -> None:
    with answering(503, b'{"detail": "kafka: away"}') as url:
        assert "kafka: away" in (trouble(url) or "")


def test_a_server_that_does_not_listen_is_not_healthy() -> None:
    assert trouble("http://127.0.0.1:1/readyz")


def test_a_service_is_asked_whether_it_is_ready_and_a_sandbox_server_whether_it_lives() -> None:
    assert address({"MOTCUA_HTTP_PORT": "8101"}) == "http://127.0.0.1:8101/readyz"
    assert address({"SANDBOX_PORT": "8201"}) == "http://127.0.0.1:8201/healthz"
    with pytest.raises(KeyError):
        address({})
