"""Errors of SQL and of exports."""

from everlake.tables.errors import LakeError


class SqlError(LakeError):
    """A statement cannot be run; the text is the engine's own, on one line."""


class ExportError(LakeError):
    """A table cannot be copied to the target."""
