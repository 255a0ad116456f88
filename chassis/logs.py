"""Logs as JSON lines with the trace's ids; never with what a person typed."""

from __future__ import annotations

import logging
import sys
import traceback

import structlog
from opentelemetry import trace
from structlog.types import EventDict, WrappedLogger


def configure(service: str, level: str) -> None:
    """Send our own logs and those of libraries to standard output as JSON, one object a line."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _without_texts,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    handler.addFilter(_Sparse())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # fontTools would name the letters of each paper, line by line.
    for noisy in ("httpx", "httpcore", "uvicorn.access", "faststream", "fontTools", "fpdf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def _without_texts(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Errors as types and places: their texts may quote what a person typed, or a whole row of a table."""
    error = entry.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        entry["exception"] = _told(error)
    record = entry.get("_record")
    if record is not None and record.name == "asyncio":
        # The event loop names what failed first, and then prints it with its error.
        entry["event"] = str(entry["event"]).partition("\n")[0]
    return entry


def _told(error: BaseException) -> list[str]:
    """The error, where it was raised, what is grouped in it, and what it came from."""
    known = [str(found) for name in ("sqlstate", "constraint_name") if (found := getattr(error, name, None))]
    lines = [" ".join([type(error).__name__, *known])]
    lines += [f"  {each.filename}:{each.lineno} {each.name}" for each in traceback.extract_tb(error.__traceback__)]
    for grouped in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        lines += _told(grouped)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines + (_told(cause) if cause is not None else [])


class _Sparse(logging.Filter):
    """Lets each line of the Kafka client through once in ten seconds: with Kafka away it says the same fifty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        place = (record.pathname, record.lineno)
        if record.created - self._last.get(place, 0.0) < 10:
            return False
        self._last[place] = record.created
        return True


def _add_trace(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = format(context.trace_id, "032x")
        entry["span_id"] = format(context.span_id, "016x")
    return entry
