"""Where a request comes from: the connection says it, and proxies of ours only are believed about others."""

from __future__ import annotations

import pytest
from fastapi import Request

from services.payments.api.common import address_of, proxies

OURS = proxies("10.0.0.0/8, 2001:db8::/32")


def request(connection: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": (connection, 1)})


@pytest.mark.parametrize(
    ("connection", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.9"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.5, 10.0.0.9"], "10.0.0.5"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("2001:db8::1", ["2001:4860::8"], "2001:4860::8"),
    ],
)
def test_the_nearest_address_that_is_not_ours(connection: str, forwarded: list[str], address: str) -> None:
    assert address_of(request(connection, *forwarded), OURS) == address


def test_without_proxies_nobody_is_believed() -> None:
    assert address_of(request("10.0.0.1", "198.51.100.1"), proxies("")) == "10.0.0.1"


def test_what_is_no_network_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match="network"):
        proxies("10.0.0.0/8, everybody")
