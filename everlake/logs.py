"""Structured logging to standard error, with request ids and without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog

from everlake.contract.ids import KEY_PREFIX

_KEY_PATTERN = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]+")
_UUID_PATTERN = re.compile(r"([0-9a-f]{8}-?[0-9a-f]{4})-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{8}")
"""Of a UUIDv7 the first twelve digits are the time in milliseconds, enough to tell two apart."""
_REQUEST_MEMBERS = {"status", "method", "path", "ms"}
_HIDDEN = KEY_PREFIX + "[hidden]"


def hide_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace API keys in all strings of a log event, at any depth (structlog processor)."""
    return {_hide(name): _hide(value) for name, value in event.items()}


def _hide(value: Any) -> Any:
    if isinstance(value, str):
        return _KEY_PATTERN.sub(_HIDDEN, value)
    if isinstance(value, dict):
        return {_hide(key): _hide(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [_hide(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _KEY_PATTERN.sub(_HIDDEN, str(value))


def escape_controls(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape what a terminal would obey in the strings of a log event (structlog processor).

    A request's path, which anybody can choose, is one of them. Line breaks of a traceback stay.
    """
    return {
        name: _escape(value, "\n\t" if name == "exception" else "")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _escape(text: str, kept: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in kept else ascii(each)[1:-1] for each in text
    )


def shorten_for_terminals(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put a request on one line, its status first, and shorten UUIDs (structlog processor).

    Commands accept the shortened ids.
    """
    shown = {
        name: found[1]
        if isinstance(value, str) and (found := _UUID_PATTERN.fullmatch(value))
        else value
        for name, value in event.items()
    }
    if event.get("event") == "request" and event.keys() >= _REQUEST_MEMBERS:
        status, method, path, ms = (shown.pop(name) for name in ("status", "method", "path", "ms"))
        shown["event"] = f"{status or '---'} {method} {path} {ms} ms"
    return shown


class _LossyStream:
    """Stream that ignores write errors, so that a full disk loses log lines and stops no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_logging(
    output_format: Literal["auto", "console", "json"], level: str, *, role: str
) -> None:
    """Configure structlog and the standard library's logging to write to standard error.

    Args:
        output_format: ``auto`` means ``console`` when standard error is a terminal, else ``json``.
        level: lowest level that is logged; of the standard library at least ``warning``.
        role: role of the process, such as ``api`` or ``worker``, added to every line.
    """
    stream = cast("TextIO", _LossyStream(sys.stderr))
    is_console = output_format == "console" or (output_format == "auto" and sys.stderr.isatty())

    def add_role(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("role", role)
        return event

    processors: list[structlog.typing.Processor] = [
        add_role,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor
    if is_console:
        processors += [shorten_for_terminals, escape_controls]
        renderer = structlog.dev.ConsoleRenderer()
    else:
        renderer = structlog.processors.JSONRenderer()
    level_number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level_number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level_number, logging.WARNING), force=True)


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    return structlog.get_logger()
