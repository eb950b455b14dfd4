"""The Python client of the ingestion API, usable alone."""

from everlake.client.client import ApiError, Client, Unreachable

__all__ = ["ApiError", "Client", "Unreachable"]
