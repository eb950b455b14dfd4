"""Media types of request bodies and responses."""

from enum import StrEnum

from everlake.contract.errors import ErrorCode, WireError

EVENT_STREAM = "text/event-stream"
BINARY = "application/octet-stream"
"""Media type of content that is not known."""


class MediaType(StrEnum):
    """Media types of request bodies that hold records."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"


def parse_media_type(content_type: str) -> MediaType:
    """Return the media type of a ``Content-Type`` header (RFC 9110, 8.3).

    Raises:
        WireError: ``UNSUPPORTED_MEDIA_TYPE`` for another type, or a charset other than UTF-8.
    """
    essence, _, parameters = content_type.partition(";")
    try:
        media_type = MediaType(essence.strip().lower())
    except ValueError:
        raise WireError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json or application/x-ndjson.",
        ) from None
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in {"utf-8", "utf8"}:
            raise WireError(
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                "Only UTF-8 is accepted: send the body in UTF-8, with charset=utf-8 or no charset.",
            )
    return media_type
