"""Settings: what can be set, and where it is read from."""

from everlake.settings.loading import environment_of, load, variable_of
from everlake.settings.values import CatalogOptions, Settings, SettingsError

__all__ = ["CatalogOptions", "Settings", "SettingsError", "environment_of", "load", "variable_of"]
