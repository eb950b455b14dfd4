"""The Python client of the ingestion API, usable alone."""

from everlake.client.client import Client
from everlake.client.responses import ApiError, StorageRefused, Unreachable
from everlake.client.uploads import UploadError

__all__ = ["ApiError", "Client", "StorageRefused", "Unreachable", "UploadError"]
