"""Loading of settings: flags, then variables, then ``everlake.toml``, then the defaults."""

import difflib
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
_OTHER_VARIABLES = ("EVERLAKE_URL", "EVERLAKE_API_KEY", "EVERLAKE_LIFELINE", "EVERLAKE_LISTENER")
"""Variables of commands that are clients, and of child processes."""
_SERVICE_LINKS = ("EVERLAKE_SERVICE_", "EVERLAKE_PORT_")
"""Kubernetes and Docker set these, and ``EVERLAKE_PORT=tcp://...``, beside a service so named."""


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
        text = environ.get(variable)
        if text is not None and not (name == "port" and "://" in text):  # a service link
            values[name] = _convert(definition, text, variable, strict=False)
    for name, value in (flags or {}).items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            values[name] = _convert(find_definition(name), value, flag, strict=False)
    return settings_from(values)


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return a sentence for each variable that has the prefix of settings and is none."""
    known = [*map(variable_name, DEFINITIONS), *_OTHER_VARIABLES]
    names = [each.removeprefix(VARIABLE_PREFIX) for each in known]
    messages: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(VARIABLE_PREFIX) or variable in known:
            continue
        if variable.startswith(_SERVICE_LINKS):
            continue
        nearest = difflib.get_close_matches(variable.removeprefix(VARIABLE_PREFIX), names, 1)
        hint = f"; did you mean {VARIABLE_PREFIX}{nearest[0]}?" if nearest else ""
        messages.append(f"{variable} is not a setting and has no effect{hint}")
    return messages


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
