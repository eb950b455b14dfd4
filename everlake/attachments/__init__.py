"""What records point to: fetched safely into a spool on this machine's disk."""

from everlake.attachments.errors import (
    FetchCode,
    FetchError,
    SpoolFailed,
    SpoolFull,
    Stopped,
)
from everlake.attachments.fetch import Fetcher
from everlake.attachments.guard import Guard
from everlake.attachments.spool import Spool
from everlake.attachments.url import parse
from everlake.attachments.values import Expected, Fetched, FetchLimits

__all__ = [
    "Expected",
    "FetchCode",
    "FetchError",
    "FetchLimits",
    "Fetched",
    "Fetcher",
    "Guard",
    "Spool",
    "SpoolFailed",
    "SpoolFull",
    "Stopped",
    "parse",
]
