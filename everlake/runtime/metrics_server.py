"""HTTP server for ``/metrics`` in a worker, for machines that run no API."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from everlake.logs import logger
from everlake.runtime.metrics_exposition import MEDIA_TYPE, MetricsExposition

_TIMEOUT_SECONDS = 10.0

_log = logger()


def serve_metrics(exposition: MetricsExposition, port: int) -> ThreadingHTTPServer | None:
    """Answer ``GET /metrics`` on all addresses of this machine, in a thread.

    Returns:
        the server; None when another program uses the port, which is logged. When that is another
        worker of this machine, its answer has the counts of both.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            text = exposition.render()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", MEDIA_TYPE)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing: a scrape every few seconds would fill the log."""

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except OSError as error:
        _log.warning("cannot serve metrics", port=port, reason=str(error))
        return None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
