"""Traces: one tree through all services, over the outbox, by the W3C context that rows and records carry."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.settings import Settings

_PROPAGATOR = TraceContextTextMapPropagator()

# W3C Trace Context: the last bit of the flags says whether the trace is recorded.
_LEFT_OUT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][02468ace]")

# The semantic conventions' name for whom an event is about; a whole journey is found by it.
SUBJECT = "cloudevents.event_subject"


class Patient:
    """Exports spans and tries again for up to a minute while the collector is away, in the exporter's own thread."""

    def __init__(self, exporter: SpanExporter, patience_seconds: float = 60.0) -> None:
        self._exporter, self._patience, self._closed = exporter, patience_seconds, threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                result = self._exporter.export(spans)
            except OSError:
                result = SpanExportResult.FAILURE
            if result is SpanExportResult.SUCCESS or time.monotonic() > deadline or self._closed.wait(0.5):
                return result

    def shutdown(self) -> None:
        self._closed.set()
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def provider(service: str, settings: Settings) -> TracerProvider:
    """A tracer provider that exports as the settings say; end it with `close`."""
    made = TracerProvider(
        sampler=ParentBasedTraceIdRatio(settings.traces_ratio),
        resource=Resource.create({"service.name": service, "service.instance.id": settings.instance}),
    )
    exporter = _exporter(settings)
    if exporter is not None:
        made.add_span_processor(BatchSpanProcessor(Patient(exporter), schedule_delay_millis=300, max_queue_size=20_000))  # type: ignore[arg-type]
    return made


def close(tracing: TracerProvider, seconds: float) -> None:
    """Export what is left, for at most `seconds`: a collector that is away must not keep the process."""
    closing = threading.Thread(target=tracing.shutdown, daemon=True)
    closing.start()
    closing.join(seconds)


def _exporter(settings: Settings) -> SpanExporter | None:
    if settings.traces_exporter == "zipkin":
        from opentelemetry.exporter.zipkin.json import ZipkinExporter

        return ZipkinExporter(endpoint=settings.traces_endpoint)
    if settings.traces_exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=settings.traces_endpoint)
    return None


def context_of(traceparent: str | None) -> Context | None:
    """The context that a stored `traceparent` names; None when there is none."""
    return _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None


def is_left_out(traceparent: str | None) -> bool:
    """Whether a stored context belongs to a trace that is not kept: whoever continues it has nothing to record."""
    return traceparent is not None and _LEFT_OUT.fullmatch(traceparent) is not None


def links_to(traceparent: str | None) -> list[Link]:
    """A link to the context that a stranger sent, when it is one."""
    context = context_of(traceparent)
    span = trace.get_current_span(context).get_span_context() if context is not None else trace.INVALID_SPAN_CONTEXT
    return [Link(span)] if span.is_valid else []


def traceparent_of(span: Span) -> str | None:
    """A span's context as it is stored in rows and sent in headers."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent")


def traceparent_of_current() -> str | None:
    """The context of the span that is current; None where there is none."""
    return traceparent_of(trace.get_current_span())


@contextmanager
def step(
    tracer: Tracer,
    name: str,
    parent: str | None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[Span]:
    """A span under the stored `parent`, linked to whatever is current; under the current one when there is no parent."""
    current = trace.get_current_span().get_span_context()
    context = context_of(parent)
    links = [Link(current)] if context is not None and current.is_valid else []
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            # The type alone: a message may quote what a person typed.
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
