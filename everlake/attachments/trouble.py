"""What the network and its libraries raise, as errors of a fetch."""

import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.exceptions import SSLError as TlsError

from everlake.attachments.answers import bad_answer
from everlake.attachments.errors import FetchCode, FetchError

# ValueError is what http.client lets through of malformed answers, UnicodeError among it.
NETWORK_ERRORS = (OSError, HTTPError, HTTPException, ValueError)
"""Everything that a connection or an answer may raise."""


def trouble(error: Exception, *, connecting: bool = False) -> FetchError:
    """The error of a fetch that met ``error``.

    Args:
        error: one of :data:`NETWORK_ERRORS`.
        connecting: whether there was no connection yet.
    """
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return FetchError(
            FetchCode.TLS_FAILED,
            "the certificate of the URL's server is not valid for its host: it has to be renewed "
            "there",
        )
    if any(isinstance(cause, (TimeoutError, ReadTimeoutError)) for cause in causes):
        return timed_out()
    if any(isinstance(cause, (ssl.SSLError, TlsError)) for cause in causes):
        return FetchError(
            FetchCode.TLS_FAILED, "no secure connection to the URL's server came about", passes=True
        )
    if connecting or any(isinstance(cause, NewConnectionError) for cause in causes):
        return FetchError(
            FetchCode.CONNECTION_FAILED,
            "the URL's server takes no connection: check that it runs and can be reached",
            passes=True,
        )
    if is_silent_end(error) or any(
        isinstance(cause, (IncompleteRead, OSError)) for cause in causes
    ):
        return cut_off()
    return bad_answer("sent what is not HTTP")


def is_silent_end(error: Exception) -> bool:
    """Whether the peer had closed the connection before anything of an answer."""
    return any(
        isinstance(cause, (RemoteDisconnected, ConnectionResetError, BrokenPipeError))
        for cause in _causes(error)
    )


def cut_off() -> FetchError:
    """The error of an answer that ended before its end."""
    return FetchError(
        FetchCode.CUT_OFF, "the URL's server broke its answer off: it is tried again", passes=True
    )


def timed_out() -> FetchError:
    """The error of a peer that is silent for too long, or takes too long altogether."""
    return FetchError(
        FetchCode.TIMED_OUT,
        "the URL's server was silent for too long, or took too long altogether",
        passes=True,
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error and those that it came from."""
    found: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or one in found:
            continue
        found.append(one)
        pending += [one.__cause__, one.__context__]
        pending += [argument for argument in one.args if isinstance(argument, BaseException)]
    return found
