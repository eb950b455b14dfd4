"""Distributed tracing of batches, from the request to the analysis, with OpenTelemetry.

Tracing is off, and costs one comparison per span, unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` is set and the extra ``otel`` is installed. OpenTelemetry
reads all other ``OTEL_*`` variables itself. The catalog stores the ``traceparent`` (W3C Trace
Context) of a batch, so that the spans of workers belong to the trace of the request.
"""

import os
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from everlake import __version__
from everlake.extras import how_to_install
from everlake.logs import logger

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_SECONDS = 2.0
"""Longest time to send the last spans. A process has ten seconds to shut down."""

_log = logger()


class _Tracing:
    """Tracer of this process; None while tracing is off."""

    provider: "TracerProvider | None" = None
    tracer: "Tracer | None" = None


def start_tracing(role: str) -> None:
    """Start tracing if the environment asks for it.

    Args:
        role: role of this process, such as ``api`` or ``worker``.
    """
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not any(os.environ.get(name) for name in _ENDPOINT_VARIABLES):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        _log.warning(
            "tracing is off: the extra otel is not installed", install=how_to_install("otel")
        )
        return
    attributes = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", "everlake"),
        "service.version": __version__,
        "everlake.role": role,
    }
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _Tracing.provider = provider
    _Tracing.tracer = provider.get_tracer("everlake", __version__)
    _log.info("tracing started", role=role)


def stop_tracing() -> None:
    """Stop tracing; send the remaining spans, for at most two seconds."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        # force_flush ignores its own timeout while the exporter retries.
        flush = threading.Thread(target=provider.force_flush, name="traces", daemon=True)
        flush.start()
        flush.join(_FLUSH_SECONDS)


def is_enabled() -> bool:
    """Return whether tracing is on."""
    return _Tracing.tracer is not None


def request_span(
    headers: Iterable[tuple[bytes, bytes]], method: str
) -> "AbstractContextManager[Span | None]":
    """Return a context manager for the span of a request.

    Args:
        headers: names and values; ``traceparent`` names the parent span, if there is one.
        method: HTTP method.
    """
    if _Tracing.tracer is None:
        return nullcontext()
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    parent = next((value for name, value in headers if name == b"traceparent"), b"")
    return _Tracing.tracer.start_as_current_span(
        method,
        context=_context(parent.decode("latin-1")),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method},
    )


def end_request_span(span: "Span | None", method: str, route: str, status: int) -> None:
    """Record the outcome of a request in its span.

    Args:
        span: span of :func:`request_span`; None while tracing is off.
        method: HTTP method.
        route: template of the route, which becomes part of the span's name.
        status: HTTP status; 0 when no response was sent.
    """
    if span is None:
        return
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def child_span(name: str) -> AbstractContextManager[object]:
    """Return a context manager for a child of the current span."""
    if _Tracing.tracer is None:
        return nullcontext()
    # A rejected request raises too, and is not a failure. The span of the request records those.
    return _Tracing.tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    )


def traceparent() -> str | None:
    """Return the ``traceparent`` of the current span; None when no span is recorded."""
    if _Tracing.tracer is None:
        return None
    from opentelemetry import trace  # noqa: PLC0415

    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def batch_spans(name: str, batches: Mapping[str, str | None]) -> AbstractContextManager[None]:
    """Return a context manager for one worker step, with a span in the trace of each batch.

    Args:
        name: name of the step.
        batches: ``traceparent`` by batch id; None for a batch that is not traced.
    """
    if _Tracing.tracer is None:
        return nullcontext()
    return _record_batch_spans(_Tracing.tracer, name, batches)


@contextmanager
def _record_batch_spans(
    tracer: "Tracer", name: str, batches: Mapping[str, str | None]
) -> Generator[None]:
    started_ns = time.time_ns()
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
        raise
    finally:
        ended_ns = time.time_ns()
        for batch_id, parent in batches.items():
            if parent is not None:
                _record_span(tracer, name, batch_id, parent, started_ns, ended_ns, failure)


def _record_span(
    tracer: "Tracer",
    name: str,
    batch_id: str,
    parent: str,
    started_ns: int,
    ended_ns: int,
    failure: Exception | None,
) -> None:
    from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

    span = tracer.start_span(
        name,
        context=_context(parent),
        kind=SpanKind.CONSUMER,
        attributes={"everlake.batch_id": batch_id},
        start_time=started_ns,
    )
    if failure is not None:
        span.set_status(StatusCode.ERROR, type(failure).__name__)
    span.end(ended_ns)


def _context(parent: str) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())
