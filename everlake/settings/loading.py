"""Loading of settings: flags, then variables, then ``everlake.toml``, then the defaults."""

import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from everlake.settings.definitions import DEFINITIONS, Definition, find_definition, settings_from
from everlake.settings.errors import SettingsError
from everlake.settings.types import Settings

VARIABLE_PREFIX = "EVERLAKE_"
SETTINGS_FILE = "everlake.toml"


def variable_name(name: str) -> str:
    """Return the environment variable of a setting."""
    return VARIABLE_PREFIX + name.upper()


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Settings:
    """Return the settings of this process.

    Args:
        flags: values from the command line, by the name of the setting; None where not given.
        environ: the environment.
        directory: of ``everlake.toml``, which need not exist; the current directory by default.

    Raises:
        SettingsError: a value is invalid, or the file has a member that is not a setting.
    """
    values = _read_file(directory)
    for name, definition in DEFINITIONS.items():
        variable = variable_name(name)
        if (text := environ.get(variable)) is not None:
            values[name] = _convert(definition, text, variable, strict=False)
    for name, value in (flags or {}).items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            values[name] = _convert(find_definition(name), value, flag, strict=False)
    return settings_from(values)


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give a child process the same settings."""
    return {
        variable_name(name): str(definition.value_in(settings))
        for name, definition in DEFINITIONS.items()
    }


def _read_file(directory: Path | None) -> dict[str, Any]:
    try:
        file = (directory or Path.cwd()) / SETTINGS_FILE
        if not file.is_file():
            return {}
    except OSError as error:
        raise SettingsError(
            f"the current directory, in which {SETTINGS_FILE} may be, cannot be read "
            f"({error.strerror}): change to another one"
        ) from error
    try:
        members = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    values: dict[str, Any] = {}
    for name, value in members.items():
        try:
            definition = find_definition(name)
        except SettingsError as error:
            raise SettingsError(f"{file}: {error}") from None
        values[name] = _convert(definition, value, f"{file}: {name}", strict=True)
    return values


def _convert(definition: Definition, value: Any, origin: str, *, strict: bool) -> Any:
    """Return the value as the type of its setting; ``origin`` is where it was given."""
    try:
        converted = msgspec.convert(value, definition.type, strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{origin}={value!r}: {error}") from error
    if isinstance(converted, float) and not math.isfinite(converted):
        raise SettingsError(f"{origin}={value!r}: Expected a finite number")
    return converted
