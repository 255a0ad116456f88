"""A relay as a process of its own, told by RELAY: database, bootstrap, user, password, name."""

from __future__ import annotations

import asyncio
import json
import os

from opentelemetry.trace import NoOpTracer

from chassis.health import Health
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.relay import Relay

if __name__ == "__main__":
    url, *login, name = json.loads(os.environ["RELAY"])
    asyncio.run(Relay(url, Kafka(*login), name, NoOpTracer(), Metrics(), Health()).forever())
