"""Every metric of a service, in one list. Labels never hold a person's data or a dossier's code."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=self.registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)

        # HTTP
        self.http_seconds = histogram("motcua_http_seconds", "Time to answer", "method", "route", "status")
        # in
        self.consumed = counter("motcua_consumed_total", "Records, by what became of them", "consumer", "outcome")
        self.batch_seconds = histogram("motcua_batch_seconds", "One batch, from fetched to committed", "consumer")
        self.retries = counter("motcua_retries_total", "Batches done again after passing trouble", "consumer")
        self.paused = gauge(
            "motcua_consumer_paused", "1 while a consumer waits because too much was parked", "consumer"
        )
        self.parked_open = gauge("motcua_parked_open", "Open records: parked (heads) and held", "consumer", "state")
        self.oldest_parked = gauge(
            "motcua_oldest_parked_seconds", "Age of the oldest open head; alert on it", "consumer"
        )
        self.lag = gauge("motcua_consumer_lag", "Records that wait for a consumer's effect", "consumer", "partition")
        self.standing = gauge(
            "motcua_consumer_standing_partitions", "Partitions at a batch that cannot be read; alert on it", "consumer"
        )
        self.restarts = counter(
            "motcua_consumer_restarts_total", "Consumers restarted because records waited and nothing came", "consumer"
        )
        # out
        self.published = counter("motcua_published_total", "Events acknowledged by Kafka", "topic")
        self.outbox_waiting = gauge("motcua_outbox_waiting", "Events that Kafka has not acknowledged yet")
        self.oldest_outbox = gauge(
            "motcua_oldest_outbox_seconds",
            "How long the first event that Kafka has not acknowledged waits; alert on it",
        )
        self.outbox_seconds = histogram("motcua_outbox_seconds", "From the row's writing to Kafka's acknowledgment")
        self.relay_rebuilt = counter("motcua_relay_rebuilt_total", "Relays begun anew after trouble")
        # timers and outside calls
        self.timers = counter("motcua_timers_total", "Due timers, by what became of them", "kind", "outcome")
        self.calls = counter("motcua_calls_total", "Outside calls, by what became of them", "kind", "outcome")
        self.oldest_call = gauge(
            "motcua_oldest_call_seconds", "How long the longest open outside call waits; alert on it"
        )
        self.call_seconds = histogram("motcua_call_seconds", "One outside call", "kind")
        self.chores = counter("motcua_chores_total", "Periodic chores, by what became of them", "chore", "outcome")
