"""Curl commands for operations of an OpenAPI document."""

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

from everlake.api.reference.document import Document, Operation

_KEY_HEADER = '-H "x-api-key: $EVERLAKE_API_KEY"'
"""In double quotes, so that the shell fills in the key."""
_FILE_NAME = "FILE"


def curl_command(document: Document, operation: Operation, base_url: str) -> str:
    """Return a shell command that performs ``operation``.

    Path parameters and required query parameters take their documented example, optional ones
    are left out. A request body is the first documented example, or the content of a file
    ``FILE`` where it is binary. The key comes from the variable ``EVERLAKE_API_KEY``.

    Args:
        document: the document that ``operation`` is from.
        operation: the operation to perform.
        base_url: the server's URL without a slash at the end.
    """
    options = [*_answer_options(operation), *_method_options(operation)]
    arguments = ["curl -sS", *options, shlex.quote(base_url + _target(document, operation))]
    lines = [" ".join(arguments)]
    if operation.permissions:
        lines.append(_KEY_HEADER)
    lines.extend(_body_options(operation))
    return " \\\n  ".join(lines)


def _target(document: Document, operation: Operation) -> str:
    path = operation.path
    query: dict[str, str] = {}
    for each in operation.content.get("parameters", []):
        parameter = document.resolve(each)
        if parameter["in"] == "path":
            value = quote(str(parameter["example"]), safe="")
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif parameter["in"] == "query" and parameter.get("required"):
            query[parameter["name"]] = str(parameter["example"])
    return f"{path}?{urlencode(query)}" if query else path


def _method_options(operation: Operation) -> list[str]:
    if _binary_media_type(operation) is not None:
        # Curl sends a file by PUT unless told otherwise, and reads it piece by piece.
        method = [] if operation.method == "PUT" else [f"-X {operation.method}"]
        return [*method, f"-T {_FILE_NAME}"]
    default = "POST" if "requestBody" in operation.content else "GET"
    return [] if operation.method == default else [f"-X {operation.method}"]


def _answer_options(operation: Operation) -> list[str]:
    """Return ``-N`` for a stream of events, and ``-o`` for content of any type."""
    media_types = operation.content["responses"].get("200", {}).get("content", {})
    if "text/event-stream" in media_types:
        return ["-N"]
    return [f"-o {_FILE_NAME}"] if "*/*" in media_types else []


def _body_options(operation: Operation) -> list[str]:
    binary = _binary_media_type(operation)
    if binary is not None:
        return [f"-H {shlex.quote(f'Content-Type: {binary}')}"]
    contents: dict[str, Any] = operation.content.get("requestBody", {}).get("content", {})
    for media_type, content in contents.items():
        example = next(iter(content["examples"].values()))["value"]
        header = shlex.quote(f"Content-Type: {media_type}")
        return [f"-H {header}", f"-d {shlex.quote(json.dumps(example, indent=2))}"]
    return []


def _binary_media_type(operation: Operation) -> str | None:
    """Return the media type of a request body that has no schema, which is a file."""
    contents: dict[str, Any] = operation.content.get("requestBody", {}).get("content", {})
    return next((name for name, content in contents.items() if "schema" not in content), None)
