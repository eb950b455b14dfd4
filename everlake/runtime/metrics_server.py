"""The page of a worker that has no API beside it."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from everlake.logs import logger
from everlake.runtime.metrics_exposition import MEDIA_TYPE, MetricsExposition

_TIMEOUT_SECONDS = 10.0

_log = logger()


def serve_metrics(exposition: MetricsExposition, port: int) -> ThreadingHTTPServer | None:
    """Answer ``GET /metrics`` at ``port`` of every address, on a thread, until the process ends.

    None, and it is logged, where another program has the port: another worker of this machine
    does as well, since its page has the counts of all.
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
            """Say nothing of a scrape every few seconds."""

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except OSError as error:
        _log.warning("no /metrics of this worker alone", port=port, reason=str(error))
        return None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
