"""OpenTelemetry collector for tests: receives spans by OTLP over HTTP."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class ReceivedSpan:
    """Received span; ids are in hexadecimal, and ``parent`` is empty for a root span."""

    name: str
    trace: str
    id: str
    parent: str
    role: str
    attributes: dict[str, Any]
    failed: bool
    nanoseconds: int


class TraceCollector:
    """Spans received so far, and the URL to send them to."""

    def __init__(self) -> None:
        self.url = ""
        self._spans: list[ReceivedSpan] = []
        self._lock = threading.Lock()

    def spans(self, *names: str) -> list[ReceivedSpan]:
        """Return the spans with these names, or all."""
        with self._lock:
            return [span for span in self._spans if not names or span.name in names]

    def receive(self, body: bytes) -> None:
        """Add the spans of a request body."""
        message = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in message.resource_spans:
                role = attributes(resource.resource.attributes)["everlake.role"]
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._spans.append(received_span(span, role))


def received_span(span: Any, role: str) -> ReceivedSpan:
    """Convert a span of the OTLP message."""
    return ReceivedSpan(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        role=role,
        attributes=attributes(span.attributes),
        failed=span.status.code == 2,
        nanoseconds=span.end_time_unix_nano - span.start_time_unix_nano,
    )


def attributes(pairs: Any) -> dict[str, Any]:
    """Convert attributes of the OTLP message."""
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


@contextmanager
def trace_collector() -> Iterator[TraceCollector]:
    """Run a collector for the length of a block."""
    collector = TraceCollector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.receive(body)
            response = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
