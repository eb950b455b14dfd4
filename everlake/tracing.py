"""Traces of a batch's way, from its request to its analysis, by OpenTelemetry.

Off, and at the cost of one comparison, unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) is set and the extra ``otel`` is installed. All other
``OTEL_*`` variables are the library's. A batch takes its ``traceparent`` (W3C Trace Context)
with it through the catalog, so that a worker's spans stand in the trace of the request.
"""

import os
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from everlake import __version__
from everlake.logs import logger

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_SECONDS = 2.0
"""Of the ten seconds that a process has to end."""

_log = logger()


class _Tracing:
    """The tracer of this process; None while traces are off."""

    provider: "TracerProvider | None" = None
    tracer: "Tracer | None" = None


def start_tracing(role: str) -> None:
    """Trace from now on, where the environment says so; ``role`` is that of this process."""
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
        _log.warning("no traces: the extra is not installed", install="everlake[otel]")
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
    _log.info("tracing", role=role)


def stop_tracing() -> None:
    """Send what has not been sent yet, for two seconds at most, and trace no more."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        # The library tries for as long as its exporter does, whatever time it is given.
        flush = threading.Thread(target=provider.force_flush, name="traces", daemon=True)
        flush.start()
        flush.join(_FLUSH_SECONDS)


def is_enabled() -> bool:
    """Whether this process traces."""
    return _Tracing.tracer is not None


def request_span(
    headers: Iterable[tuple[bytes, bytes]], method: str
) -> "AbstractContextManager[Span | None]":
    """The span of a request, below the client's where ``headers`` name one."""
    if _Tracing.tracer is None:
        return nullcontext()
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    given = next((value for name, value in headers if name == b"traceparent"), b"")
    return _Tracing.tracer.start_as_current_span(
        method,
        context=_context(given.decode("latin-1")),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method},
    )


def end_request_span(span: "Span | None", method: str, route: str, status: int) -> None:
    """Say how a request ended: its span's name is then the method and the route's template."""
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
    """A span below the one under way."""
    if _Tracing.tracer is None:
        return nullcontext()
    # What a request is refused for is no fault; whether it was one, the request's span tells.
    return _Tracing.tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    )


def traceparent() -> str | None:
    """What names the span under way to others; None where none is recorded."""
    if _Tracing.tracer is None:
        return None
    from opentelemetry import trace  # noqa: PLC0415

    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def batch_spans(name: str, batches: Mapping[str, str | None]) -> AbstractContextManager[None]:
    """One step of a worker on many batches: a span in the trace of each.

    Args:
        name: of the step.
        batches: the traceparent of each batch, by its id; those without one are not traced.
    """
    if _Tracing.tracer is None:
        return nullcontext()
    return _record_batch_spans(_Tracing.tracer, name, batches)


@contextmanager
def _record_batch_spans(
    tracer: "Tracer", name: str, batches: Mapping[str, str | None]
) -> Generator[None]:
    started = time.time_ns()
    fault: Exception | None = None
    try:
        yield
    except Exception as error:
        fault = error
        raise
    finally:
        ended = time.time_ns()
        for batch_id, parent in batches.items():
            if parent is not None:
                _record_span(tracer, name, batch_id, parent, started, ended, fault)


def _record_span(
    tracer: "Tracer",
    name: str,
    batch_id: str,
    parent: str,
    started: int,
    ended: int,
    fault: Exception | None,
) -> None:
    from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

    span = tracer.start_span(
        name,
        context=_context(parent),
        kind=SpanKind.CONSUMER,
        attributes={"everlake.batch_id": batch_id},
        start_time=started,
    )
    if fault is not None:
        span.set_status(StatusCode.ERROR, type(fault).__name__)
    span.end(ended)


def _context(parent: str) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())
