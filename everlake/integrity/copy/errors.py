"""Errors of a copy to another storage."""

from everlake.storage import StorageError


class UnexpectedObjects(StorageError):
    """The target holds objects that the source does not have."""


class ObjectsDiffer(StorageError):
    """An object of the source is missing in the target, or has other content there."""
