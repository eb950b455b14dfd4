"""Files below ``/static/``, which the reference page loads."""

from functools import cache
from importlib.resources import files

STATIC_FILES = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""Every file that may be served, with its media type."""


def read_static_file(name: str) -> tuple[bytes, str] | None:
    """Return a packaged file and its media type, or None if ``name`` is not in the list.

    Args:
        name: the path below ``/static/``, such as ``docs.css``.
    """
    media_type = STATIC_FILES.get(name)
    return None if media_type is None else (_read(name), media_type)


@cache
def _read(name: str) -> bytes:
    return files("everlake.api.reference").joinpath("static", name).read_bytes()
