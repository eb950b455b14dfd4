"""The interactive documentation: a page, its script and styles, and Swagger UI beside them.

Nothing is loaded from the network, and there is no inline script, so the page works under
``Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline';
img-src 'self' data:``.
"""

from functools import cache
from importlib.resources import files

_HTML = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"

STATIC_FILES = {
    "docs.css": _STYLE,
    "docs.js": _SCRIPT,
    "swagger-ui/LICENSE": _TEXT,
    "swagger-ui/NOTICE": _TEXT,
    "swagger-ui/favicon-32x32.png": "image/png",
    "swagger-ui/swagger-ui-bundle.js": _SCRIPT,
    "swagger-ui/swagger-ui-bundle.js.LICENSE.txt": _TEXT,
    "swagger-ui/swagger-ui.css": _STYLE,
}
"""Every file that may be served under ``/static/``, with its media type."""

DOCS_MEDIA_TYPE = _HTML
"""The media type of :func:`docs_page`."""


def render_docs_page() -> bytes:
    """The HTML of ``/docs``. It reads ``/openapi.json`` and files under ``/static/``."""
    return _read("docs.html")


def read_static_file(name: str) -> tuple[bytes, str] | None:
    """A packaged file and its media type, or None where ``name`` is not one that is served.

    Args:
        name: the path below ``/static/``, such as ``swagger-ui/swagger-ui.css``.
    """
    media_type = STATIC_FILES.get(name)
    return None if media_type is None else (_read(name), media_type)


@cache
def _read(name: str) -> bytes:
    return files("everlake.api").joinpath("static", *name.split("/")).read_bytes()
