"""A service that counts, as a process of its own: a consumer for each topic of its arguments, and a relay."""

from __future__ import annotations

import sys

from chassis.service import Service, serve
from chassis.settings import Settings
from tests.counters import TOPIC, Added
from tests.counting import fold_of

if __name__ == "__main__":
    consumes = [fold_of(f"payments.{topic}", topic) for topic in sys.argv[1:]]
    settings, registry = Settings(), {Added.TYPE: Added}
    serve(
        Service("payments", "Counts.", settings, registry, consumes=consumes, publishes=(TOPIC,)),
        ("consumers", "relay"),
    )
