"""Errors of uploads."""


class PartConflict(Exception):
    """Attempt to store other bytes for a part that is already stored."""


class UploadContentMissing(Exception):
    """Content of an upload that is incomplete or deleted."""
