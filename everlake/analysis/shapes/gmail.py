"""Message of the Gmail API: a ``payload`` with ``headers`` and ``parts`` in base64url."""

import base64
import binascii

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_HEADERS = frozenset({"from", "to", "cc", "subject", "date"})
_PART_MEMBERS = frozenset({"body", "headers", "mimeType", "partId", "parts"})
_RENDERING_NAMES = {"text/plain": "body_plain", "text/html": "body_html"}


def read(
    builder: UtteranceBuilder,  # noqa: ARG001 - the signature of all object shapes
    name: str,
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Convert the message to an email with the usual member names, for :mod:`.message` to read."""
    payload = item.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("headers"), list):
        return None
    mail, others = _headers(payload["headers"])
    others += _add_parts(payload, mail)
    mail.setdefault("date", item.get("internalDate"))
    for key, value in item.items():
        if key not in ("payload", "internalDate"):
            mail.setdefault(key, value)
            others += [value] if mail[key] is not value else []
    return [PendingValue(name, mail, scope), *(PendingValue("", other, scope) for other in others)]


def _headers(headers: Json) -> tuple[dict[str, Json], list[Json]]:
    """Return the headers that people read as members of an email, and values that are no header."""
    mail: dict[str, Json] = {}
    others: list[Json] = []
    for header in headers if isinstance(headers, list) else [headers]:
        name = header.get("name") if isinstance(header, dict) else None
        if not isinstance(header, dict) or not isinstance(name, str) or len(header) > 2:
            others.append(header)
        elif name.lower() in _HEADERS:
            mail.setdefault(name.lower(), header.get("value"))
    return mail, others


def _add_parts(payload: Json, mail: dict[str, Json]) -> list[Json]:
    """Add the first text of each rendering to ``mail``; return the other values of the parts."""
    others: list[Json] = []
    parts = [payload]
    while parts:
        part = parts.pop()
        if not isinstance(part, dict):
            others.append(part)
            continue
        kind = part.get("mimeType")
        rendering = _RENDERING_NAMES.get(kind) if isinstance(kind, str) else None
        text = _decode_body(part.get("body")) if rendering else ""
        if rendering and text and mail.setdefault(rendering, text) is not text:
            others.append(text)
        if part is not payload:
            others += _headers(part.get("headers"))[1]
        others.append({key: value for key, value in part.items() if key not in _PART_MEMBERS})
        if not text:
            others.append(part.get("body"))
        inner = part.get("parts")
        parts += reversed(inner) if isinstance(inner, list) else [inner]
    return others


def _decode_body(body: Json) -> str:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, str):
        return ""
    try:
        padded = data.encode("ascii") + b"=" * (-len(data) % 4)
        return base64.urlsafe_b64decode(padded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return data
