"""Errors of operations, apart from those of the catalog, the storage and the lake.

The API turns each into an error response, the command line into one line on standard error.
"""

from typing import Literal, TypeAlias

from everlake.catalog.attachments import AttachmentRow
from everlake.model.batches import BatchRow

ResourceKind: TypeAlias = Literal[
    "attachment", "batch", "live key", "record", "upload", "workspace"
]


class OperationError(Exception):
    """An operation cannot be carried out; the message says why."""


class ResourceNotFound(OperationError):
    """The workspace has no such resource, or there is no such workspace.

    Args:
        kind: the kind of resource.
        resource_id: the id that was asked for.
    """

    def __init__(self, kind: ResourceKind, resource_id: str) -> None:
        super().__init__(f"there is no {kind} {resource_id}")
        self.kind: ResourceKind = kind
        self.resource_id = resource_id


class NoWorkspace(OperationError):
    """There is no workspace yet."""

    def __init__(self) -> None:
        super().__init__("there is no workspace yet: run everlake init")


class NotInitialized(OperationError):
    """The data directory has no catalog yet."""


class CatalogLost(OperationError):
    """The catalog is missing or empty, and the storage has data of an installation.

    Args:
        storage_url: URL of the storage.
    """

    def __init__(self, storage_url: str) -> None:
        super().__init__(
            f"the storage {storage_url} has data, but the database is missing or empty: a new one "
            "would know none of it. Restore the database from a backup (docs/how-to/back-up.md), "
            "or correct EVERLAKE_DATA, EVERLAKE_DATABASE_URL or EVERLAKE_STORAGE_URL. No command "
            "makes the database again from the archive; without a backup, the same page tells how "
            "to start anew and send the records again"
        )


class InvalidInput(OperationError):
    """A value that the caller gave cannot be used; the message says why."""


class NothingToRetry(OperationError):
    """All records of the failed batch were rejected, so no stage is left to be retried."""

    def __init__(self, batch: BatchRow) -> None:
        super().__init__(f"all records of batch {batch.id} were rejected")
        self.batch = batch


class RejectedRecordsDeleted(OperationError):
    """The rejected records of the batch were deleted after their retention period."""

    def __init__(self, batch: BatchRow) -> None:
        super().__init__(f"the rejected records of batch {batch.id} were deleted")
        self.batch = batch


class ArchiveUnreadable(OperationError):
    """An object of the landing archive is missing or damaged; another attempt fails as well.

    Args:
        path: the object's path in the storage.
        reason: for the log and the operator; it may name files of this machine.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. Restore it from a backup.")
        self.path = path
        self.reason = reason


class ContentNotAvailable(OperationError):
    """The content of the attachment is not stored: not yet, or its download failed."""

    def __init__(self, attachment: AttachmentRow) -> None:
        super().__init__(f"the content of attachment {attachment.id} is not stored")
        self.attachment = attachment


class ContentUnreadable(OperationError):
    """The stored content of an attachment is missing or has the wrong size.

    Args:
        path: the object's path in the storage.
        reason: for the log and the operator; it may name files of this machine.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}")
        self.path = path
        self.reason = reason
