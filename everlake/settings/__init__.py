"""Settings: what can be set, and where it is read from."""

from everlake.settings.loading import load, to_environment, variable_name
from everlake.settings.types import DatabaseOptions, Settings, SettingsError

__all__ = [
    "DatabaseOptions",
    "Settings",
    "SettingsError",
    "load",
    "to_environment",
    "variable_name",
]
