"""PostgreSQL errors as catalog errors, by SQLSTATE (PostgreSQL documentation, Appendix A)."""

import re

import psycopg
from sqlalchemy.exc import DBAPIError

from everlake.catalog.errors import CatalogInterrupted, CatalogUnavailable

_NO_RESPONSE = (
    "The database does not answer. Check that PostgreSQL runs and can be reached, then retry; "
    "`everlake doctor` checks the connection."
)
_MESSAGES = {
    "08": _NO_RESPONSE,
    "57P": _NO_RESPONSE,
    "57014": "A database statement took too long. Try again; if it lasts, it is overloaded.",
    "55P03": "The database is busy: a lock was not free in time. Try again.",
    "40": "Two database transactions conflicted. Try again.",
    "53100": "The disk that holds the database is full. Free some space there, then retry.",
    "53300": (
        "The database accepts no more connections. Raise its max_connections, or lower "
        "EVERLAKE_DATABASE_CONNECTIONS: each process opens that many and one more."
    ),
    "53": "The database server is out of resources. See its log, then retry.",
    "25P03": "A transaction of this process was idle for too long and was ended. Try again.",
    "25006": "The database is read-only: it may be a standby. Point Everlake at the primary.",
    "28": "The database rejects the user or password of EVERLAKE_DATABASE_URL.",
    "3D": "There is no database of that name: create it, then run `everlake db upgrade`.",
    "42501": "The database user lacks a privilege: make it the owner of Everlake's database.",
}
"""By the beginning of the SQLSTATE; the longest that matches applies."""
_RETRYABLE_STATES = ("40", "55P03", "57014")
"""Beginnings of the SQLSTATEs that another transaction, or its lock, caused."""
_FAILED_CONNECTIONS = (
    (r"password authentication failed|no password supplied", "28P01"),
    (r"pg_hba\.conf|is not permitted to log in|role .* does not exist", "28000"),
    (r"database .* does not exist", "3D000"),
    (r"too many clients|too many connections|remaining connection slots", "53300"),
    (r"permission denied for database", "42501"),
)
"""SQLSTATEs by the server's message, because libpq reports none for a connection that fails.

A server whose messages are in another language gets the general message.
"""


def classify(error: Exception) -> CatalogUnavailable | None:
    """Return the catalog error for a driver's or SQLAlchemy's error; None for other errors.

    It is a :class:`CatalogInterrupted` when the connection was lost, or when another transaction
    was in the way.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    message = _message_for(cause)
    if message is None:
        return None
    disconnected = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(cause, "sqlstate", None) or ""
    retryable = disconnected or state.startswith(_RETRYABLE_STATES)
    return (CatalogInterrupted if retryable else CatalogUnavailable)(message)


def _message_for(cause: BaseException | None) -> str | None:
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate or _state_of_failed_connection(cause)
    if state is None:
        return _NO_RESPONSE if isinstance(cause, psycopg.OperationalError) else None
    for length in range(len(state), 1, -1):
        if (message := _MESSAGES.get(state[:length])) is not None:
            return message
    return None


def _state_of_failed_connection(error: psycopg.Error) -> str | None:
    message = str(error)
    return next((state for text, state in _FAILED_CONNECTIONS if re.search(text, message)), None)
