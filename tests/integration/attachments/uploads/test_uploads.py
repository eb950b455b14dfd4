"""Uploads over HTTP: whole or in parts, to every kind of storage."""

import os
import threading
import time
from typing import Any

import httpx
import pytest

from everlake.attachments.paths import part_path, whole_path
from everlake.attachments.uploads import garbage_collection
from everlake.attachments.uploads.errors import UploadContentMissing
from everlake.catalog import uploads
from tests.support.api_workspaces import assert_error
from tests.support.server import ApiClient
from tests.support.uploads import (
    PART,
    UploadFixture,
    announce,
    complete_upload,
    content_of,
    expire,
    get_upload,
    record_with_uploads,
    row_of,
    send_content,
    start_put,
    uploaded_objects,
    whole_url,
)

HOUR_MS = 3_600_000


def part_url(upload: dict[str, Any], number: int) -> str:
    return f"/api/v1/uploads/{upload['upload_intent_id']}/parts/{number}"


def test_a_small_file_is_uploaded_whole(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 5, filename="a.txt", mime_type="text/plain")
    assert "parts" not in upload
    assert upload["whole"]["url"].startswith("/") != place.direct
    assert (upload["status"], upload["receivedBytes"]) == ("PENDING", 0)

    answer = send_content(api, upload["whole"], b"hello")
    assert answer.status_code == 200
    if not place.direct:
        assert answer.json()["status"] == "COMPLETE"

    assert get_upload(api, upload) == {
        "upload_intent_id": upload["upload_intent_id"],
        "status": "COMPLETE",
        "expiresAt": upload["expiresAt"],
        "size": 5,
        "partSize": PART,
        "receivedBytes": 5,
    }
    assert content_of(place, api, upload) == b"hello"


def test_an_empty_file_is_uploaded(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 0)
    assert get_upload(api, upload)["status"] == "PENDING"
    assert send_content(api, upload["whole"], b"").status_code == 200
    assert get_upload(api, upload)["status"] == "COMPLETE"
    assert content_of(place, api, upload) == b""


def test_parts_are_uploaded_in_any_order(place: UploadFixture, api: ApiClient) -> None:
    data = os.urandom(2 * PART + 10)
    upload = announce(api, len(data))
    sizes = [(part["number"], part["size"]) for part in upload["parts"]]
    assert sizes == [(1, PART), (2, PART), (3, 10)]

    for number in (3, 1):
        part = upload["parts"][number - 1]
        piece = data[(number - 1) * PART : (number - 1) * PART + part["size"]]
        assert send_content(api, part, piece).status_code == 200
    so_far = get_upload(api, upload)
    assert (so_far["status"], so_far["receivedBytes"]) == ("PENDING", PART + 10)
    assert [part["number"] for part in so_far["parts"]] == [2]

    assert send_content(api, so_far["parts"][0], data[PART : 2 * PART]).status_code == 200
    assert get_upload(api, upload)["status"] == "COMPLETE"
    assert content_of(place, api, upload) == data


def test_a_large_file_is_uploaded_whole(place: UploadFixture, api: ApiClient) -> None:
    data = os.urandom(2 * PART)
    upload = announce(api, len(data))
    assert send_content(api, upload["whole"], data).status_code == 200
    assert get_upload(api, upload)["status"] == "COMPLETE"
    assert content_of(place, api, upload) == data


def test_the_api_accepts_files_whatever_the_targets(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, PART + 1)
    data = os.urandom(PART + 1)
    assert api.http.put(part_url(upload, 1), content=data[:PART]).status_code == 200
    answer = api.http.put(part_url(upload, 2), content=data[PART:]).json()
    assert (answer["status"], answer["receivedBytes"]) == ("COMPLETE", PART + 1)
    assert content_of(place, api, upload) == data


def test_the_same_bytes_are_accepted_again_and_others_rejected(
    place: UploadFixture, api: ApiClient
) -> None:
    upload = announce(api, PART + 3)
    first = b"a" * PART
    for _ in range(2):
        assert api.http.put(part_url(upload, 1), content=first).status_code == 200
    assert_error(api.http.put(part_url(upload, 1), content=b"b" * PART), 400, "INVALID_BODY")
    assert_error(api.http.put(whole_url(upload), content=b"b" * (PART + 3)), 400, "INVALID_BODY")
    assert get_upload(api, upload)["receivedBytes"] == PART

    for _ in range(2):
        assert api.http.put(whole_url(upload), content=first + b"end").status_code == 200
    assert_error(api.http.put(whole_url(upload), content=first + b"END"), 400, "INVALID_BODY")
    assert content_of(place, api, upload) == first + b"end"


def test_a_single_object_in_the_bucket_cannot_be_changed_through_the_api(
    place: UploadFixture, api: ApiClient
) -> None:
    upload = announce(api, 5)
    place.store.put_many(
        [(whole_path(api.setup["workspace_id"], upload["upload_intent_id"]), b"hello")]
    )
    assert get_upload(api, upload)["status"] == "COMPLETE"
    assert api.http.put(whole_url(upload), content=b"hello").status_code == 200
    assert_error(api.http.put(whole_url(upload), content=b"hallo"), 400, "INVALID_BODY")
    assert content_of(place, api, upload) == b"hello"


def test_an_object_of_another_size_is_not_a_part(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 5)
    path = part_path(api.setup["workspace_id"], upload["upload_intent_id"], 1)
    place.store.put_many([(path, b"too long")])
    assert get_upload(api, upload)["status"] == "PENDING"
    with pytest.raises(UploadContentMissing):
        content_of(place, api, upload)
    assert_error(
        api.post(record_with_uploads(api, upload["upload_intent_id"])), 400, "ALL_RECORDS_REJECTED"
    )


def test_concurrent_uploads_of_the_same_part_both_succeed(
    place: UploadFixture, api: ApiClient
) -> None:
    upload = announce(api, PART + 1)
    data = os.urandom(PART)
    answers: list[int] = []

    def send() -> None:
        other = ApiClient(api.url, api.setup)
        answers.append(other.http.put(part_url(upload, 1), content=data).status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 4
    assert get_upload(api, upload)["receivedBytes"] == PART


@pytest.mark.parametrize("length", [0, 4])
def test_a_short_body_is_rejected(place: UploadFixture, api: ApiClient, length: int) -> None:
    upload = announce(api, 5)
    for body in (b"x" * length, iter([b"x" * length])):
        message = assert_error(api.http.put(whole_url(upload), content=body), 400, "INVALID_BODY")
        assert "GET this upload" in message["message"]
    assert get_upload(api, upload)["receivedBytes"] == 0


def test_a_long_body_is_rejected(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, PART + 5)
    long = b"x" * (PART + 6)
    for body in (long, iter([long[:PART], long[PART:]])):
        assert_error(api.http.put(whole_url(upload), content=body), 413, "PAYLOAD_TOO_LARGE")
    for body in (b"123456", iter([b"12345", b"6"])):
        assert_error(api.http.put(part_url(upload, 2), content=body), 413, "PAYLOAD_TOO_LARGE")
    assert get_upload(api, upload)["status"] == "PENDING"


@pytest.mark.parametrize("number", ["0", "3", "-1", "01", "x", "1.0", "٢", "9" * 50])
def test_unknown_part_numbers_are_not_found(
    place: UploadFixture, api: ApiClient, number: str
) -> None:
    upload = announce(api, PART + 1)
    url = f"/api/v1/uploads/{upload['upload_intent_id']}/parts/{number}"
    assert_error(api.http.put(url, content=b"x"), 404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["upl_" + "x" * 32, "x", "..", "%00", "upl_%2e%2e%2f", "u" * 500])
def test_a_missing_upload_is_not_found(place: UploadFixture, api: ApiClient, name: str) -> None:
    for method in ("GET", "PUT"):
        answer = api.http.request(method, httpx.URL(f"/api/v1/uploads/{name}/"), content=b"")
        assert answer.status_code in {404, 405}, answer.text
    assert_error(api.http.put(f"/api/v1/uploads/{name}/parts/1", content=b"x"), 404, "NOT_FOUND")


def test_an_upload_of_another_workspace_is_not_found(place: UploadFixture, api: ApiClient) -> None:
    stranger = place.home.workspace()
    upload = announce(api, 5)
    assert_error(stranger.http.get(whole_url(upload)), 404, "NOT_FOUND")
    assert_error(stranger.http.put(whole_url(upload), content=b"hello"), 404, "NOT_FOUND")
    assert_error(stranger.http.put(part_url(upload, 1), content=b"hello"), 404, "NOT_FOUND")
    assert uploaded_objects(place, api) == []


def test_a_key_without_write_permission_is_forbidden(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 5)
    reader = place.home.key(api, ("api:read",))
    assert_error(reader.http.post("/api/v1/uploads", json={"size": 5}), 403, "FORBIDDEN")
    assert_error(reader.http.get(whole_url(upload)), 403, "FORBIDDEN")
    assert_error(reader.http.put(whole_url(upload), content=b"hello"), 403, "FORBIDDEN")
    assert_error(reader.http.put(part_url(upload, 1), content=b"hello"), 403, "FORBIDDEN")


def test_an_expired_upload_accepts_no_content(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 5)
    expire(place.home, upload["upload_intent_id"])
    after = get_upload(api, upload)
    assert after["status"] == "EXPIRED"
    assert "whole" not in after
    message = assert_error(api.http.put(whole_url(upload), content=b"hello"), 404, "NOT_FOUND")
    assert "expired" in message["message"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity, gzip"])
def test_a_file_with_a_content_encoding_is_rejected(
    place: UploadFixture, api: ApiClient, encoding: str
) -> None:
    upload = announce(api, 5)
    answer = api.http.put(
        whole_url(upload), content=b"hello", headers={"content-encoding": encoding}
    )
    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "INVALID_JSON"),
        (b"{", 400, "INVALID_JSON"),
        (b'{"size":1}x', 400, "INVALID_JSON"),
        (b'{"size":1,"filename":"\xff"}', 400, "INVALID_JSON"),
        (b'{"size":1,"filename":"\\ud800"}', 400, "INVALID_JSON"),
        (b"[" * 10_000, 400, "INVALID_JSON"),
        (b"[]", 400, "INVALID_BODY"),
        (b"null", 400, "INVALID_BODY"),
        (b"{}", 400, "INVALID_BODY"),
        (b'{"size":-1}', 400, "INVALID_BODY"),
        (b'{"size":1.5}', 400, "INVALID_BODY"),
        (b'{"size":"1"}', 400, "INVALID_BODY"),
        (b'{"size":true}', 400, "INVALID_BODY"),
        (b'{"size":null}', 400, "INVALID_BODY"),
        (b'{"size":1,"filename":null}', 400, "INVALID_BODY"),
        (b'{"size":1,"colour":"red"}', 400, "INVALID_BODY"),
        (b'{"size":1,"filename":"%s"}' % (b"x" * 513), 400, "INVALID_BODY"),
        (b'{"size":1,"filename":"a\\u0000b"}', 400, "INVALID_BODY"),
        (b'{"size":1,"mime_type":"%s"}' % (b"x" * 257), 400, "INVALID_BODY"),
        (b'{"size":1,"sha256":"%s"}' % (b"a" * 63), 400, "INVALID_BODY"),
        (b'{"size":1,"sha256":"%s"}' % (b"g" * 64), 400, "INVALID_BODY"),
        (b'{"size":1,"sha256":"%s\\n"}' % (b"a" * 64), 400, "INVALID_BODY"),
        (b'{"size":2147483649}', 413, "PAYLOAD_TOO_LARGE"),
        (b'{"size":1%s}' % (b"0" * 100), 413, "PAYLOAD_TOO_LARGE"),
        (b'{"size":1,"filename":"%s"}' % (b"x" * 100_000), 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_an_invalid_upload_request_is_rejected(
    place: UploadFixture, api: ApiClient, body: bytes, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}
    assert_error(api.http.post("/api/v1/uploads", content=body, headers=headers), status, code)


@pytest.mark.parametrize("media_type", ["application/x-ndjson", "text/plain", ""])
def test_an_upload_request_must_be_json(
    place: UploadFixture, api: ApiClient, media_type: str
) -> None:
    headers = {"content-type": media_type}
    answer = api.http.post("/api/v1/uploads", content=b'{"size":1}', headers=headers)
    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_upload_request_is_stored(place: UploadFixture, api: ApiClient) -> None:
    given = {"filename": "é" * 512, "mime_type": "audio/mpeg", "sha256": "AB" * 32}
    upload = announce(api, 2_147_483_648, **given)
    row = row_of(place.home, upload["upload_intent_id"])
    assert row is not None
    assert row["filename"] == "é" * 512
    assert row["mime_type"] == "audio/mpeg"
    assert row["sha256"] == "ab" * 32
    assert row["size"] == 2_147_483_648
    assert len(upload["parts"]) == 410
    assert row["expires_at"] - row["created_at"] == 24 * HOUR_MS


def test_upload_ids_are_random(place: UploadFixture, api: ApiClient) -> None:
    ids = {announce(api, 1)["upload_intent_id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) == 36 for each in ids)
    assert all(len({each[at] for each in ids}) > 4 for at in range(4, 36))


def test_after_a_cut_connection_the_missing_parts_can_be_sent(
    place: UploadFixture, api: ApiClient
) -> None:
    data = os.urandom(3 * PART)
    upload = announce(api, len(data))
    connection = start_put(api, whole_url(upload), len(data))
    connection.sendall(data[: 2 * PART + 1000])
    deadline = time.monotonic() + 30
    while get_upload(api, upload)["receivedBytes"] < 2 * PART:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    connection.close()

    so_far = get_upload(api, upload)
    assert [part["number"] for part in so_far["parts"]] == [3]
    assert send_content(api, so_far["parts"][0], data[2 * PART :]).status_code == 200
    assert get_upload(api, upload)["status"] == "COMPLETE"
    assert content_of(place, api, upload) == data


def test_expired_uploads_are_deleted(place: UploadFixture, api: ApiClient) -> None:
    old, used, young = (complete_upload(api, name) for name in (b"old", b"used", b"young"))
    api.accept(record_with_uploads(api, used))
    for upload_id in (old, used):
        expire(place.home, upload_id, by_ms=garbage_collection.EXPIRY_GRACE_MS + 1)
    expire(place.home, young, by_ms=garbage_collection.EXPIRY_GRACE_MS - 60_000)

    assert garbage_collection.delete_expired(place.home.catalog, place.store) >= 1

    assert row_of(place.home, old) is None
    assert row_of(place.home, used) is not None
    assert row_of(place.home, young) is not None
    left = uploaded_objects(place, api)
    assert {path.split("/")[2] for path in left} == {used, young}
    assert_error(api.http.get(f"/api/v1/uploads/{old}"), 404, "NOT_FOUND")


def test_old_objects_without_an_upload_are_deleted(place: UploadFixture, api: ApiClient) -> None:
    kept = complete_upload(api, b"kept")
    taken_in = complete_upload(api, b"taken in")
    workspace_id = api.setup["workspace_id"]
    with place.home.catalog.transaction() as tx:
        uploads.record_content(tx, workspace_id, taken_in, sha256="0" * 64, mime_type="text/plain")
    orphan = part_path(workspace_id, "upl_" + "o" * 32, 1)
    place.store.put_many([(orphan, b"orphan"), (f"uploads/workspace=other/{taken_in}/whole", b"x")])

    assert garbage_collection.delete_orphans(place.home.catalog, place.store) == 0
    assert (
        garbage_collection.delete_orphans(place.home.catalog, place.store, min_age_ms=-60_000) == 2
    )

    assert {path.split("/")[2] for path in uploaded_objects(place, api)} == {kept}
    assert [found.size for found in place.store.list("uploads/workspace=other")] == [1]
