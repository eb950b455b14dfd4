"""The Python client of the ingestion API, usable alone."""

from everlake.client.client import ApiError, Client, StorageRefused, Unreachable
from everlake.client.uploads import UploadError

__all__ = ["ApiError", "Client", "StorageRefused", "Unreachable", "UploadError"]
