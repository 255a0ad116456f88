"""Spans: one tree over what is stored, and nothing in them that a person typed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.telemetry import Patient, close, context_of, step, traceparent_of


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


def test_a_step_goes_on_with_the_stored_trace_and_is_linked_to_what_runs(
    tracing: TracerProvider, spans: InMemorySpanExporter
) -> None:
    tracer = tracing.get_tracer("test")
    with step(tracer, "first", None) as first:
        stored = traceparent_of(first)
    with step(tracer, "batch", None) as batch, step(tracer, "second", stored) as second:
        pass
    assert second.get_span_context().trace_id == first.get_span_context().trace_id
    told = {span.name: span for span in spans.get_finished_spans()}
    parent = told["second"].parent
    assert parent is not None
    assert parent.span_id == first.get_span_context().span_id
    assert [link.context.span_id for link in told["second"].links] == [batch.get_span_context().span_id]


def test_a_failed_step_tells_the_kind_of_error_not_its_text(
    tracing: TracerProvider, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError), step(tracing.get_tracer("test"), "fails", None):
        raise ValueError("Nguyễn Thị Ánh")
    (span,) = spans.get_finished_spans()
    assert span.status.description == "ValueError"
    assert "Ánh" not in span.to_json()


@pytest.mark.parametrize("strange", [None, "", "x", "00-0-0-00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\x00"])
def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(tracing: TracerProvider, strange: str | None) -> None:
    with step(tracing.get_tracer("test"), "begins", strange) as span:
        assert span.get_span_context().is_valid
    context_of(strange)


class _Away:
    """A collector that never answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def test_a_collector_that_is_away_does_not_keep_a_process_that_ends() -> None:
    away: SpanExporter = _Away()  # type: ignore[assignment]
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Patient(away, patience_seconds=60), schedule_delay_millis=10))  # type: ignore[arg-type]
    made.get_tracer("test").start_span("waits").end()
    assert away.asked.wait(60)  # type: ignore[attr-defined]
    began = time.monotonic()
    close(made, 0.3)
    assert time.monotonic() - began < 30, "half of its patience"


def test_what_a_collector_missed_it_gets_when_it_is_back(spans: InMemorySpanExporter) -> None:
    class Late:
        tries = 0

        def export(self, given: Sequence[ReadableSpan]) -> SpanExportResult:
            self.tries += 1
            if self.tries == 1:
                raise ConnectionRefusedError
            return spans.export(given)

    patient = Patient(Late())  # type: ignore[arg-type]
    assert patient.export([ReadableSpan("late")]) is SpanExportResult.SUCCESS
    assert [span.name for span in spans.get_finished_spans()] == ["late"]
