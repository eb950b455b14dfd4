"""Errors of the client."""

from everlake.contract.errors import ErrorBody


class Unreachable(Exception):
    """No response of Everlake, however often the request was made; the message says why."""


class ApiError(Exception):
    """Error response of the server.

    Attributes:
        status: HTTP status.
        body: code, message and details.
    """

    def __init__(self, status: int, body: ErrorBody) -> None:
        super().__init__(f"{body.error}: {body.message}")
        self.status = status
        self.body = body


class StorageRefused(Exception):
    """Error response of the storage to which the server directed an upload.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the storage rejected the upload with status {status}")
        self.status = status


class UploadError(Exception):
    """A file cannot be uploaded; the message says why."""


class InputFileError(Exception):
    """An input file cannot be found or read; the message names it."""


class SendingStopped(Exception):
    """A request was not made, because sending was stopped."""
