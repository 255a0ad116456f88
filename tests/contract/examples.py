"""The certificates' examples, named so that a failing one is found at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from deploy.kafka.certificates import load

CERTIFICATES = load()


def good() -> Iterator[ParameterSet]:
    for certificate in CERTIFICATES:
        for event in certificate.events:
            for number, example in enumerate(event.examples, 1):
                yield pytest.param(event.type, example, id=f"{event.type} {number}")


def bad() -> Iterator[ParameterSet]:
    for certificate in CERTIFICATES:
        for event in certificate.events:
            for example in event.bad_examples:
                yield pytest.param(event.type, example.data, id=f"{event.type}: {example.why.rsplit(' · ')[-1]}")


def first(kind: str) -> dict[str, Any]:
    """One good example of a type."""
    return next(event.examples[0] for each in CERTIFICATES for event in each.events if event.type == kind)
