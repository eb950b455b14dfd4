"""Errors of integrity operations."""

from everlake.tables.errors import LakeError


class TemporaryStorageFull(LakeError):
    """The temporary directory is full or cannot be written."""
