"""Maps libcurl error codes to :class:`~everlake.attachments.errors.FetchError`."""

from collections.abc import Callable, Mapping

import pycurl

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.failures import bad_response, cut_off, timed_out
from everlake.attachments.fetching.types import CurlError


def classify(error: CurlError) -> FetchError:
    """Return the fetch error that a libcurl error stands for."""
    failure = _FAILURES.get(error.code)
    if failure is not None:
        return failure()
    if not error.connected:
        return _connection_failed()
    if error.code in _TRUNCATION_CODES:
        return cut_off()
    return bad_response("sent a response that is not valid HTTP")


def _invalid_certificate() -> FetchError:
    return FetchError(
        FetchCode.TLS_FAILED,
        "the TLS certificate of the URL's server is not valid for its host: it must be renewed "
        "on that server",
    )


def _tls_failed() -> FetchError:
    return FetchError(
        FetchCode.TLS_FAILED,
        "no TLS connection to the URL's server could be established",
        retryable=True,
    )


def _connection_failed() -> FetchError:
    return FetchError(
        FetchCode.CONNECTION_FAILED,
        "the URL's server does not accept connections: check that it runs and can be reached",
        retryable=True,
    )


_FAILURES: Mapping[int, Callable[[], FetchError]] = {
    pycurl.E_PEER_FAILED_VERIFICATION: _invalid_certificate,
    pycurl.E_OPERATION_TIMEDOUT: timed_out,
    pycurl.E_SSL_CONNECT_ERROR: _tls_failed,
    pycurl.E_SSL_CIPHER: _tls_failed,
    pycurl.E_SSL_CACERT_BADFILE: _tls_failed,
    pycurl.E_SSL_SHUTDOWN_FAILED: _tls_failed,
    pycurl.E_SSL_ISSUER_ERROR: _tls_failed,
    pycurl.E_COULDNT_CONNECT: _connection_failed,
    pycurl.E_COULDNT_RESOLVE_PROXY: _connection_failed,
}
_TRUNCATION_CODES = {
    pycurl.E_GOT_NOTHING,
    pycurl.E_PARTIAL_FILE,
    pycurl.E_RECV_ERROR,
    pycurl.E_SEND_ERROR,
}
