"""The process of the S3 server for tests: moto's S3 service alone, on the port of its argument.

``moto.server`` finds out for each request which of AWS's services it is for, at half of its cost.
"""

import sys

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


class _RequestHandler(MotoRequestHandler):
    """Keeps connections alive, as S3 does, and logs errors only."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


if __name__ == "__main__":
    app = create_backend_app("s3")
    port = int(sys.argv[1])
    make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=_RequestHandler
    ).serve_forever()
