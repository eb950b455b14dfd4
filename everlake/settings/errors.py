"""Errors of the settings."""


class SettingsError(Exception):
    """A setting is invalid or cannot be used; the message names it and says what it must be."""
