"""Messages for texts that are not JSON (RFC 8259)."""

import re

_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F])"
)


def describe_json_error(text: bytes, error: Exception) -> str:
    """Return what is wrong with ``text`` as JSON, and what to do.

    Args:
        text: what was decoded.
        error: one of :data:`everlake.contract.envelope.DECODE_ERRORS`, raised for ``text``.
    """
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text[:4]:
        return "The text is not UTF-8 but looks like UTF-16 or UTF-32: send UTF-8."
    if text.startswith(b"\xef\xbb\xbf"):
        return "The text starts with a byte order mark: send UTF-8 without one."
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(error)
    if isinstance(error, RecursionError):
        return "The text is nested too deep: send at most 900 levels."
    try:
        text.decode()
    except UnicodeDecodeError as encoding_error:
        return _not_utf8(encoding_error)
    if not text.strip():
        return "The text is empty: send one JSON object."
    if _LONE_SURROGATE.search(text):
        return "The text is not JSON: a surrogate (\\ud800 to \\udfff) is without its other half."
    reason = str(error).removeprefix("JSON is malformed: ")
    return f"The text is not JSON: {reason}. Only JSON by RFC 8259 is accepted."


def _not_utf8(error: UnicodeDecodeError) -> str:
    return f"The text is not UTF-8: byte {error.start} is not part of any character."
