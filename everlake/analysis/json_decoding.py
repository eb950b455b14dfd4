"""JSON decoder that accepts every valid document (RFC 8259).

msgspec decodes nearly all documents. Those that it refuses (numbers beyond a double, integers of
thousands of digits, lone surrogates, nesting beyond the interpreter's recursion limit) go through
a slower decoder, which has an explicit stack instead of recursion.
"""

import json
import re
from typing import TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_TOKEN = re.compile(
    r"""[\s,:]*+(?:(?P<open>[\[{])|(?P<close>[\]}])|(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")"""
    r"""|(?P<word>[^\s,:\[\]{}"]++))""",
    re.DOTALL,
)
_MAX_INTEGER_DIGITS = 300
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_decode = msgspec.json.Decoder[Json]().decode


def decode_json(data: bytes) -> Json:
    """Decode a JSON document.

    Of members with the same name the last one counts. Bytes that are not UTF-8 become U+FFFD, and
    numbers too large for a double become infinities. Never raises; the result for invalid JSON is
    unspecified.
    """
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _decode_tolerantly(data.decode("utf-8", "replace"))


def _decode_tolerantly(text: str) -> Json:
    root: list[Json] = []
    container: list[Json] | dict[str, Json] = root
    name: str | None = None
    enclosing: list[tuple[list[Json] | dict[str, Json], str | None]] = []
    for token in _TOKEN.finditer(text):
        value: Json
        if token["close"]:
            if enclosing:
                container, name = enclosing.pop()
            continue
        if token["open"]:
            value = [] if token["open"] == "[" else {}
        elif token["text"]:
            value = _string(token["text"])
            if isinstance(container, dict) and name is None:
                name = value
                continue
        else:
            value = _scalar(token["word"])
        if isinstance(container, list):
            container.append(value)
        elif name is not None:
            container[name] = value
            name = None
        if isinstance(value, list | dict):
            enclosing.append((container, name))
            container, name = value, None
    return root[0] if root else None


def _string(token: str) -> str:
    try:
        return json.loads(token, strict=False)
    except ValueError:
        return token[1:-1]


def _scalar(word: str) -> Json:
    if word in _LITERALS:
        return _LITERALS[word]
    try:
        return int(word) if len(word) <= _MAX_INTEGER_DIGITS else float(word)
    except ValueError:
        try:
            return float(word)
        except ValueError:
            return word
