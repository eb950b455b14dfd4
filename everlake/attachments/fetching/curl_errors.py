"""What libcurl met, as errors of a fetch."""

import pycurl

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.http_headers import bad_response

_TLS_CODES = {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_SHUTDOWN_FAILED,
    pycurl.E_SSL_ISSUER_ERROR,
}
_CONNECTION_CODES = {pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY}
_TRUNCATION_CODES = {
    pycurl.E_GOT_NOTHING,
    pycurl.E_PARTIAL_FILE,
    pycurl.E_RECV_ERROR,
    pycurl.E_SEND_ERROR,
}


def classify(code: int, *, connected: bool) -> FetchError:
    """The error of a fetch that libcurl ended with ``code``, which is not 0.

    Args:
        code: see libcurl-errors(3).
        connected: whether there was a connection, so that something could be asked; perhaps one
            that had been kept and then was closed, and a new one did not come about.
    """
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return FetchError(
            FetchCode.TLS_FAILED,
            "the certificate of the URL's server is not valid for its host: it has to be renewed "
            "there",
        )
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return timed_out()
    if code in _TLS_CODES:
        return FetchError(
            FetchCode.TLS_FAILED,
            "no secure connection to the URL's server came about",
            retryable=True,
        )
    if not connected or code in _CONNECTION_CODES:
        return FetchError(
            FetchCode.CONNECTION_FAILED,
            "the URL's server takes no connection: check that it runs and can be reached",
            retryable=True,
        )
    return cut_off() if code in _TRUNCATION_CODES else bad_response("sent what is not HTTP")


def cut_off() -> FetchError:
    """The error of an answer that ended before its end."""
    return FetchError(
        FetchCode.CUT_OFF,
        "the URL's server broke its answer off: it is tried again",
        retryable=True,
    )


def timed_out() -> FetchError:
    """The error of a peer that is silent for too long, or takes too long altogether."""
    return FetchError(
        FetchCode.TIMED_OUT,
        "the URL's server was silent for too long, or took too long altogether",
        retryable=True,
    )
