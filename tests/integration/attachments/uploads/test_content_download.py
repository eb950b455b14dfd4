"""Download of stored content: ranges, conditional requests, and safe headers."""

import os
import socket
import time
from urllib.parse import unquote

import httpx
import pytest

from everlake.attachments.paths import content_path
from everlake.catalog.table_definitions import attachments as attachment_table
from tests.support.api_workspaces import assert_error
from tests.support.server import ApiClient
from tests.support.uploads import UploadFixture, stored_attachment

DATA = bytes(range(256)) * 5_000


def url(attachment_id: str) -> str:
    return f"/api/v1/attachments/{attachment_id}/content"


def get(api: ApiClient, attachment_id: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.http.get(url(attachment_id), headers=named)


def path_of(place: UploadFixture, attachment_id: str) -> str:
    with place.home.catalog.autocommit() as tx:
        statement = attachment_table.select().where(attachment_table.c.id == attachment_id)
        row = tx.execute(statement).mappings().one()
    return content_path(row["workspace_id"], row["sha256"])


def set_status(place: UploadFixture, attachment_id: str, status: str) -> None:
    with place.home.catalog.transaction() as tx:
        statement = attachment_table.update().where(attachment_table.c.id == attachment_id)
        tx.execute(statement.values(status=status))


def test_content_is_returned_byte_for_byte_with_its_headers(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, DATA)
    answer = get(api, attachment_id)
    assert answer.status_code == 200
    assert answer.content == DATA
    row = api.http.get(f"/api/v1/attachments/{attachment_id}").json()
    assert (row["status"], row["size"], row["mimeType"]) == ("COMPLETE", len(DATA), "audio/mpeg")
    ours = {
        name: answer.headers[name]
        for name in (
            "content-type",
            "content-length",
            "content-disposition",
            "etag",
            "accept-ranges",
            "cache-control",
            "x-content-type-options",
            "content-security-policy",
        )
    }
    assert ours == {
        "content-type": "audio/mpeg",
        "content-length": str(len(DATA)),
        "content-disposition": "attachment; filename=\"call.mp3\"; filename*=UTF-8''call.mp3",
        "etag": f'"{row["sha256"]}"',
        "accept-ranges": "bytes",
        "cache-control": "private",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


def test_head_returns_the_same_headers_without_content(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, DATA)
    whole, head = get(api, attachment_id), api.http.head(url(attachment_id))
    assert head.status_code == 200
    assert head.content == b""
    changing = {"x-request-id", "date"}
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }


def test_the_connection_is_usable_after_a_download(place: UploadFixture, api: ApiClient) -> None:
    attachment_id = stored_attachment(place, api, DATA)
    for _ in range(3):
        assert api.http.head(url(attachment_id)).status_code == 200
        assert get(api, attachment_id, range="bytes=0-9").content == DATA[:10]
        assert get(api, attachment_id).content == DATA


def test_empty_content_is_returned(place: UploadFixture, api: ApiClient) -> None:
    attachment_id = stored_attachment(place, api, b"")
    answer = get(api, attachment_id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert_error(get(api, attachment_id, range="bytes=0-"), 416, "RANGE_NOT_SATISFIABLE")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, len(DATA)),
        ("bytes=1000-1999", 1_000, 2_000),
        ("bytes=1000000-1100000", 1_000_000, 1_100_001),
        ("bytes=-1", len(DATA) - 1, len(DATA)),
        ("bytes=-99999999", 0, len(DATA)),
        ("bytes=1279999-99999999", len(DATA) - 1, len(DATA)),
    ],
)
def test_a_range_is_returned(
    place: UploadFixture, api: ApiClient, header: str, start: int, end: int
) -> None:
    answer = get(api, stored_attachment(place, api, DATA), range=header)
    assert answer.status_code == 206
    assert answer.content == DATA[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=5-2", "lines=0-1", "bytes=x", "bytes"])
def test_an_invalid_or_multiple_range_is_ignored(
    place: UploadFixture, api: ApiClient, header: str
) -> None:
    answer = get(api, stored_attachment(place, api, DATA), range=header)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("header", ["bytes=1280000-", "bytes=-0", f"bytes={'9' * 40}-"])
def test_a_range_beyond_the_end_is_not_satisfiable(
    place: UploadFixture, api: ApiClient, header: str
) -> None:
    answer = get(api, stored_attachment(place, api, DATA), range=header)
    assert_error(answer, 416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_if_range_with_another_etag_returns_all_content(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, DATA)
    etag = get(api, attachment_id).headers["etag"]
    assert get(api, attachment_id, range="bytes=0-9", if_range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Thu, 26 Nov 2026 01:40:37 GMT"):
        answer = get(api, attachment_id, range="bytes=0-9", if_range=other)
        assert (answer.status_code, answer.content) == (200, DATA)


def test_if_none_match_with_the_etag_returns_no_content(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, DATA)
    etag = get(api, attachment_id).headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = get(api, attachment_id, if_none_match=known, range="bytes=0-1")
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert get(api, attachment_id, if_none_match='"x"').status_code == 200


@pytest.mark.parametrize(
    "mime_type",
    ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript"],
)
def test_active_content_gets_a_binary_media_type(
    place: UploadFixture, api: ApiClient, mime_type: str
) -> None:
    page = b"<script>alert(1)</script>" + mime_type.encode()
    answer = get(
        api, stored_attachment(place, api, page, filename="page.html", mime_type=mime_type)
    )
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ('"; filename="evil.exe', "_; filename=_evil.exe"),
        ("a\r\nSet-Cookie: x=1\r\n\r\n<script>", "aSet-Cookie: x=1<script>"),
        ("../../../etc/cron.d/job", "job"),
        ("C:\\Windows\\evil.dll", "evil.dll"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("ключ.pdf", "____.pdf"),
        ("100%41.txt", "100_41.txt"),
        ("..", "attachment"),
        (None, None),
    ],
)
def test_hostile_filenames_are_sanitised(
    place: UploadFixture, api: ApiClient, filename: str | None, shown: str | None
) -> None:
    attachment_id = stored_attachment(place, api, b"x", filename=filename)
    answer = get(api, attachment_id)
    assert answer.content == b"x"
    assert "set-cookie" not in answer.headers
    header = answer.headers["content-disposition"]
    assert header.startswith(f'attachment; filename="{shown or attachment_id}"; filename*=')
    assert "/" not in unquote(header.partition("''")[2])


def test_attachments_of_another_workspace_are_not_found(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, b"secret")
    stranger = place.home.workspace()
    for path in (f"/api/v1/attachments/{attachment_id}", url(attachment_id)):
        theirs = assert_error(stranger.http.get(path), 404, "NOT_FOUND")
        none = assert_error(
            stranger.http.get(path.replace(attachment_id, "none")), 404, "NOT_FOUND"
        )
        assert theirs == none


@pytest.mark.parametrize("name", ["%00", "x" * 1_000, "a%0d%0ab", "%e2%80%ae"])
def test_a_malformed_id_is_not_found(place: UploadFixture, api: ApiClient, name: str) -> None:
    assert_error(api.http.get(f"/api/v1/attachments/{name}"), 404, "NOT_FOUND")
    assert_error(api.http.get(url(name)), 404, "NOT_FOUND")


def test_a_key_without_read_permission_is_forbidden(place: UploadFixture, api: ApiClient) -> None:
    attachment_id = stored_attachment(place, api, b"secret")
    writer = place.home.key(api, ("api:write",))
    assert_error(writer.http.get(f"/api/v1/attachments/{attachment_id}"), 403, "FORBIDDEN")
    assert_error(writer.http.get(url(attachment_id)), 403, "FORBIDDEN")
    assert_error(httpx.get(api.url + url(attachment_id), trust_env=False), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("status", "words"), [("PENDING", "not stored yet"), ("FAILED", "Its error is in")]
)
def test_missing_content_is_not_found_with_the_reason(
    place: UploadFixture, api: ApiClient, status: str, words: str
) -> None:
    attachment_id = stored_attachment(place, api, b"x")
    set_status(place, attachment_id, status)
    assert words in assert_error(get(api, attachment_id), 404, "NOT_FOUND")["message"]


def test_lost_content_is_unavailable_without_internal_details(
    place: UploadFixture, api: ApiClient
) -> None:
    attachment_id = stored_attachment(place, api, os.urandom(100))
    path = path_of(place, attachment_id)
    place.store.delete(path)
    message = assert_error(get(api, attachment_id), 503, "UNAVAILABLE")["message"]
    assert "sha256" not in message
    place.store.put_many([(path, b"too short")])
    assert_error(get(api, attachment_id), 503, "UNAVAILABLE")


def raw_get(api: ApiClient, attachment_id: str) -> socket.socket:
    """Return a connection that has requested content and has a small receive buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", int(api.url.rpartition(":")[2])))
    head = (
        f"GET {url(attachment_id)} HTTP/1.1\r\nHost: x\r\nx-api-key: {api.setup['api_key']}\r\n"
        f"x-request-id: raw-{attachment_id}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def test_a_failed_read_closes_the_connection_early(place: UploadFixture, api: ApiClient) -> None:
    data = os.urandom(1024 * 1024) * 60
    attachment_id = stored_attachment(place, api, data)
    path = path_of(place, attachment_id)
    with raw_get(api, attachment_id) as connection:
        received = connection.recv(65_536)
        if (file := place.store.local_path(path)) is not None:
            os.truncate(file, 30 * 1024 * 1024)
        else:
            place.store.delete(path)
            place.store.put_many([(path, data[: 30 * 1024 * 1024])])
        while piece := connection.recv(1024 * 1024):
            received += piece
    length = len(received) - received.index(b"\r\n\r\n") - 4
    assert f"content-length: {len(data)}".encode() in received
    assert 0 < length < len(data)


def test_a_client_that_disconnects_ends_its_download(place: UploadFixture, api: ApiClient) -> None:
    attachment_id = stored_attachment(place, api, os.urandom(1024 * 1024) * 60)
    with raw_get(api, attachment_id) as connection:
        assert connection.recv(1000)
    deadline = time.monotonic() + 30
    while f'"request_id": "raw-{attachment_id}"' not in place.home.server.log():
        assert time.monotonic() < deadline
        time.sleep(0.05)
