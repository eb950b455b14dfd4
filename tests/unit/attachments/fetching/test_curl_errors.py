"""The fetch error of each libcurl error code, with and without a connection."""

import pycurl
import pytest

from everlake.attachments.errors import FetchCode
from everlake.attachments.fetching.curl_errors import classify
from everlake.attachments.fetching.types import CurlError

CERTIFICATE = (FetchCode.TLS_FAILED, False)
TLS = (FetchCode.TLS_FAILED, True)
TIMEOUT = (FetchCode.TIMED_OUT, True)
CONNECTION = (FetchCode.CONNECTION_FAILED, True)
TRUNCATED = (FetchCode.CUT_OFF, True)
INVALID = (FetchCode.BAD_ANSWER, False)

# Outcomes without and with a connection, by the name that pycurl has for the code.
OUTCOMES = {
    "E_PEER_FAILED_VERIFICATION": (CERTIFICATE, CERTIFICATE),
    "E_SSL_CACERT": (CERTIFICATE, CERTIFICATE),
    "E_SSL_PEER_CERTIFICATE": (CERTIFICATE, CERTIFICATE),
    "E_OPERATION_TIMEDOUT": (TIMEOUT, TIMEOUT),
    "E_OPERATION_TIMEOUTED": (TIMEOUT, TIMEOUT),
    "E_SSL_CONNECT_ERROR": (TLS, TLS),
    "E_SSL_CIPHER": (TLS, TLS),
    "E_SSL_CACERT_BADFILE": (TLS, TLS),
    "E_SSL_SHUTDOWN_FAILED": (TLS, TLS),
    "E_SSL_ISSUER_ERROR": (TLS, TLS),
    "E_COULDNT_CONNECT": (CONNECTION, CONNECTION),
    "E_COULDNT_RESOLVE_PROXY": (CONNECTION, CONNECTION),
    "E_GOT_NOTHING": (CONNECTION, TRUNCATED),
    "E_PARTIAL_FILE": (CONNECTION, TRUNCATED),
    "E_FTP_PARTIAL_FILE": (CONNECTION, TRUNCATED),
    "E_RECV_ERROR": (CONNECTION, TRUNCATED),
    "E_SEND_ERROR": (CONNECTION, TRUNCATED),
    "E_UNSUPPORTED_PROTOCOL": (CONNECTION, INVALID),
    "E_FTP_WEIRD_SERVER_REPLY": (CONNECTION, INVALID),
    "E_WRITE_ERROR": (CONNECTION, INVALID),
    "E_BAD_CONTENT_ENCODING": (CONNECTION, INVALID),
    "E_ABORTED_BY_CALLBACK": (CONNECTION, INVALID),
    "E_OUT_OF_MEMORY": (CONNECTION, INVALID),
    "E_AGAIN": (CONNECTION, INVALID),
    "E_COULDNT_RESOLVE_HOST": (CONNECTION, INVALID),
    "E_INTERFACE_FAILED": (CONNECTION, INVALID),
    "E_NO_CONNECTION_AVAILABLE": (CONNECTION, INVALID),
    "E_SSL_CERTPROBLEM": (CONNECTION, INVALID),
    "E_SSL_CRL_BADFILE": (CONNECTION, INVALID),
    "E_SSL_ENGINE_INITFAILED": (CONNECTION, INVALID),
    "E_SSL_ENGINE_NOTFOUND": (CONNECTION, INVALID),
    "E_SSL_ENGINE_SETFAILED": (CONNECTION, INVALID),
    "E_SSL_INVALIDCERTSTATUS": (CONNECTION, INVALID),
    "E_SSL_PINNEDPUBKEYNOTMATCH": (CONNECTION, INVALID),
}
# Codes that a GET over HTTP/1.1 with the options of CurlSession does not end with.
UNUSED = {
    "E_ALREADY_COMPLETE", "E_BAD_CALLING_ORDER", "E_BAD_DOWNLOAD_RESUME", "E_BAD_FUNCTION_ARGUMENT",
    "E_BAD_PASSWORD_ENTERED", "E_CALL_MULTI_PERFORM", "E_CHUNK_FAILED", "E_CONV_FAILED",
    "E_CONV_REQD", "E_FAILED_INIT", "E_FILESIZE_EXCEEDED", "E_FILE_COULDNT_READ_FILE",
    "E_FUNCTION_NOT_FOUND", "E_HTTP2", "E_HTTP_NOT_FOUND", "E_HTTP_PORT_FAILED",
    "E_HTTP_POST_ERROR", "E_HTTP_RANGE_ERROR", "E_HTTP_RETURNED_ERROR", "E_LIBRARY_NOT_FOUND",
    "E_LOGIN_DENIED", "E_MALFORMAT_USER", "E_NOT_BUILT_IN", "E_OK", "E_QUOTE_ERROR",
    "E_RANGE_ERROR", "E_READ_ERROR", "E_SEND_FAIL_REWIND", "E_SHARE_IN_USE", "E_SSH",
    "E_TOO_MANY_REDIRECTS", "E_UNKNOWN_OPTION", "E_UNKNOWN_TELNET_OPTION", "E_UPLOAD_FAILED",
    "E_URL_MALFORMAT", "E_URL_MALFORMAT_USER", "E_USE_SSL_FAILED",
}  # fmt: skip
OTHER_PROTOCOLS = (
    "E_FTP_", "E_LDAP_", "E_MULTI_", "E_REMOTE_", "E_RTSP_", "E_TELNET_", "E_TFTP_",
)  # fmt: skip
# Codes without a name in pycurl: CURLE_TOO_LARGE, CURLE_PROXY, and one that does not exist.
UNNAMED = (100, 97, 9_999)


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_code_has_its_outcome(name: str) -> None:
    code: int = getattr(pycurl, name)
    for connected, outcome in zip((False, True), OUTCOMES[name], strict=True):
        error = classify(CurlError(code=code, connected=connected))
        assert (error.code, error.retryable) == outcome


@pytest.mark.parametrize("code", UNNAMED)
def test_an_unknown_code_is_an_invalid_response(code: int) -> None:
    without, with_connection = (
        classify(CurlError(code=code, connected=connected)) for connected in (False, True)
    )
    assert (without.code, without.retryable) == CONNECTION
    assert (with_connection.code, with_connection.retryable) == INVALID


def test_a_new_version_of_pycurl_adds_no_code_unnoticed() -> None:
    names = {name for name in dir(pycurl) if name.startswith("E_")}

    unknown = names - OUTCOMES.keys() - UNUSED
    assert {name for name in unknown if not name.startswith(OTHER_PROTOCOLS)} == set()
    assert names >= OUTCOMES.keys() | UNUSED


def test_libcurls_text_is_not_shown_to_the_customer() -> None:
    error = classify(CurlError(code=7, connected=False, detail="Failed to connect to 10.1.2.3"))

    assert "10.1.2.3" not in str(error)
