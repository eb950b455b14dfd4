"""Settings: definitions, defaults and loading."""

from everlake.settings.definitions import DEFINITIONS, Definition, settings_from
from everlake.settings.errors import SettingsError
from everlake.settings.loading import load, to_environment, unknown_variables, variable_name
from everlake.settings.types import DatabaseOptions, Settings

__all__ = [
    "DEFINITIONS",
    "DatabaseOptions",
    "Definition",
    "Settings",
    "SettingsError",
    "load",
    "settings_from",
    "to_environment",
    "unknown_variables",
    "variable_name",
]
