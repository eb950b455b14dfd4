"""Structured logs on standard error, with the request's id and without any secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog

from everlake.contract.ids import KEY_PREFIX

_KEY_PATTERN = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]+")
_HIDDEN = KEY_PREFIX + "[hidden]"


def hide_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace API keys in every text of a log line, however deep."""
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


class _LossyStream:
    """A stream on which a line may be lost, as on a full disk, and no work stops for it."""

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
    """Send structlog's and the standard library's records to standard error.

    Args:
        output_format: ``auto`` is console where standard error is a terminal, else JSON.
        level: least level logged.
        role: the process's part, written into every line.
    """
    stream = cast("TextIO", _LossyStream(sys.stderr))
    console = output_format == "console" or (output_format == "auto" and sys.stderr.isatty())

    def add_role(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("role", role)
        return event

    shared: list[structlog.typing.Processor] = [
        add_role,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of a module."""
    return structlog.get_logger()
