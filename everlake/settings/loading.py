"""Flags, then ``EVERLAKE_*`` variables, then ``everlake.toml``, then the defaults."""

import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from everlake.settings.types import Settings, SettingsError

VARIABLE_PREFIX = "EVERLAKE_"
SETTINGS_FILE = "everlake.toml"


def variable_name(field: str) -> str:
    """The environment variable of a field of :class:`Settings`."""
    return VARIABLE_PREFIX + field.upper()


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Settings:
    """Read the settings.

    Args:
        flags: fields given on the command line; None values are left out.
        environ: the environment.
        directory: where ``everlake.toml`` may lie; the current one by default.

    Raises:
        SettingsError: a value is of the wrong form, or the file has an unknown member.
    """
    file = (directory or Path.cwd()) / SETTINGS_FILE
    values: dict[str, Any] = {}
    if file.is_file():
        values |= _read_file(file)
    for field in Settings.__struct_fields__:
        if (given := environ.get(variable_name(field))) is not None:
            values[field] = _convert(field, given, variable_name(field), strict=False)
    for field, value in (flags or {}).items():
        if value is not None:
            values[field] = _convert(field, value, "--" + field.replace("_", "-"), strict=False)
    return Settings(**values)


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process the same settings."""
    return {
        variable_name(field): str(getattr(settings, field)) for field in settings.__struct_fields__
    }


def _read_file(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    for field in values:
        if field not in Settings.__struct_fields__:
            known = ", ".join(Settings.__struct_fields__)
            raise SettingsError(f"{file}: {field} is not a setting. Settings: {known}")
    return {
        field: _convert(field, value, f"{file}: {field}", strict=True)
        for field, value in values.items()
    }


def _convert(field: str, value: Any, name: str, *, strict: bool) -> Any:
    declared = Settings.__annotations__[field]
    try:
        converted = msgspec.convert(value, declared, strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}={value!r}: {error}") from error
    if isinstance(converted, float) and not math.isfinite(converted):
        raise SettingsError(f"{name}={value!r}: Expected a finite number")
    return converted
