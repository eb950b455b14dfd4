"""A batch's attachments over HTTP: listed, counted, followed and retried."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from everlake.client.server_sent_events import read_events
from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api, unique
from tests.support.hostile_behaviours import HostileServer, hostile_server
from tests.support.processes import wait_until
from tests.support.server import NO_RATE_LIMIT, ApiClient

PATIENCE = 30.0


@pytest.fixture(scope="module")
def files() -> Generator[HostileServer]:
    with hostile_server() as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    """A server that may fetch from this machine."""
    env = {
        **NO_RATE_LIMIT,
        "EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1",
        "EVERLAKE_RETRY_SECONDS": "0.1",
    }
    with running_api("serve", tmp_path_factory.mktemp("attachments"), env) as home:
        yield home
        log = home.server.log()
    assert "unexpected error" not in log


def path_of(batch_id: str) -> str:
    return f"/api/v1/ingest/batches/{batch_id}/attachments"


def attach(*urls: str) -> list[dict[str, str]]:
    return [{"type": "file", "filename": url.rsplit("/", 1)[-1], "vendor_url": url} for url in urls]


def listed(api: ApiClient, batch_id: str, **query: str) -> list[dict[str, Any]]:
    answer = api.http.get(path_of(batch_id), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["attachments"]


def batch(api: ApiClient, batch_id: str) -> dict[str, Any]:
    return api.http.get(f"/api/v1/ingest/batches/{batch_id}").json()


def settled(api: ApiClient, batch_id: str) -> dict[str, Any]:
    """The batch once its attachments are complete or have failed."""
    ended = {"COMPLETE", "PARTIAL_FAILURE", "FAILED"}
    wait_until(
        lambda: batch(api, batch_id)["attachmentDownloadStatus"] in ended,
        "its attachments are not settled",
    )
    return batch(api, batch_id)


def test_each_attachment_tells_what_became_of_it(
    house: ApiWorkspaces, files: HostileServer
) -> None:
    api = house.workspace()
    urls = [files.url("file/1234"), files.url("status/404"), "http://10.0.0.1/secret"]
    batch_id = api.accept([api.record(_attachments=attach(*urls))])
    seen = settled(api, batch_id)
    assert seen["attachmentDownloadStatus"] == "PARTIAL_FAILURE"
    assert (seen["attachmentDownloadComplete"], seen["attachmentDownloadFailed"]) == (1, 2)
    good, gone, inside = listed(api, batch_id)
    assert (good["status"], good["size"], len(good["sha256"])) == ("COMPLETE", 1234, 64)
    assert good["completedAt"] > 0
    assert (gone["status"], gone["error"]["code"]) == ("FAILED", "HTTP_STATUS")
    assert (inside["status"], inside["error"]["code"]) == ("FAILED", "ADDRESS_NOT_ALLOWED")
    assert "10.0.0.1" not in inside["error"]["message"]
    assert [one["index"] for one in (good, gone, inside)] == [0, 1, 2]
    assert len({one["recordId"] for one in (good, gone, inside)}) == 1


def test_a_long_list_comes_in_pages(house: ApiWorkspaces, files: HostileServer) -> None:
    api = house.workspace()
    url = files.url("file/5")
    records = [api.record(_attachments=attach(url, url)) for _ in range(13)]
    batch_id = api.accept(records)
    settled(api, batch_id)
    seen: list[str] = []
    query: dict[str, str] = {"limit": "7"}
    while True:
        page = api.http.get(path_of(batch_id), params=query).json()
        assert len(page["attachments"]) <= 7
        seen += [one["attachmentId"] for one in page["attachments"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert len(seen) == len(set(seen)) == 26
    assert seen == [one["attachmentId"] for one in listed(api, batch_id, limit="100")]


def test_only_those_in_one_status_are_listed(house: ApiWorkspaces, files: HostileServer) -> None:
    api = house.workspace()
    urls = [files.url("file/5"), files.url("status/410")]
    batch_id = api.accept([api.record(_attachments=attach(*urls))])
    settled(api, batch_id)
    assert [one["index"] for one in listed(api, batch_id, status="FAILED")] == [1]
    assert [one["index"] for one in listed(api, batch_id, status="COMPLETE")] == [0]
    assert listed(api, batch_id, status="PENDING") == []


def test_a_batch_without_attachments_has_an_empty_list(house: ApiWorkspaces) -> None:
    api = house.workspace()
    batch_id = api.accept([api.record()])
    assert listed(api, batch_id) == []
    assert "attachmentDownloadTotal" not in batch(api, batch_id)


def test_bad_parameters_are_refused(house: ApiWorkspaces) -> None:
    api = house.workspace()
    first, second = api.accept([api.record()]), api.accept([api.record()])
    for query in ({"limit": "0"}, {"limit": "101"}, {"status": "complete"}, {"cursor": "x"}):
        assert_error(api.http.get(path_of(first), params=query), 400, "INVALID_PARAMETER")
    assert first != second


def test_a_cursor_goes_with_its_batch(house: ApiWorkspaces, files: HostileServer) -> None:
    api = house.workspace()
    url = files.url("file/5")
    first = api.accept([api.record(_attachments=attach(url, url))])
    second = api.accept([api.record(_attachments=attach(url, url))])
    settled(api, first)
    cursor = api.http.get(path_of(first), params={"limit": "1"}).json()["nextCursor"]
    assert_error(api.http.get(path_of(second), params={"cursor": cursor}), 400, "INVALID_PARAMETER")


def test_another_workspaces_batch_is_not_there(house: ApiWorkspaces) -> None:
    ours, theirs = house.workspace(), house.workspace()
    batch_id = ours.accept([ours.record()])
    assert_error(theirs.http.get(path_of(batch_id)), 404, "NOT_FOUND")
    assert_error(theirs.http.post(path_of(batch_id) + "/retry"), 404, "NOT_FOUND")
    assert_error(ours.http.get(path_of(unique())), 404, "NOT_FOUND")


def test_a_retry_wants_the_permission_to_write(house: ApiWorkspaces) -> None:
    api = house.workspace()
    batch_id = api.accept([api.record()])
    reader = house.key(api, ["api:read"])
    assert_error(reader.http.post(path_of(batch_id) + "/retry"), 403, "FORBIDDEN")
    assert reader.http.get(path_of(batch_id)).status_code == 200


def test_failed_ones_are_tried_again_and_others_are_left(
    house: ApiWorkspaces, files: HostileServer
) -> None:
    api = house.workspace()
    urls = [files.url("file/6"), files.url("status/404?again")]
    batch_id = api.accept([api.record(_attachments=attach(*urls))])
    settled(api, batch_id)
    answer = api.http.post(path_of(batch_id) + "/retry")
    assert (answer.status_code, answer.json()) == (200, {"retried": 1, "textsRetried": 0})
    wait_until(
        lambda: files.request_counts["/status/404?again"] == 2, "the file is not fetched again"
    )
    assert settled(api, batch_id)["attachmentDownloadStatus"] == "PARTIAL_FAILURE"
    assert files.request_counts["/file/6"] == 1


def test_events_go_on_until_the_attachments_are_settled(
    house: ApiWorkspaces, files: HostileServer
) -> None:
    api = house.workspace()
    urls = [files.url("file/6"), files.url("silent-body/9?events"), files.url("status/404")]
    batch_id = api.accept([api.record(_attachments=attach(*urls))])
    seen: list[dict[str, Any]] = []
    last = ""
    with api.http.stream("GET", f"/api/v1/ingest/batches/{batch_id}/events") as stream:
        for event in read_events(stream.iter_bytes()):
            seen.append(json.loads(event.data))
            if seen[-1]["status"] == "COMPLETE" and seen[-1]["attachmentDownloadComplete"]:
                last = event.id
                break
    assert seen[-1]["attachmentDownloadStatus"] == "IN_PROGRESS"
    with house.catalog.transaction() as tx:
        tx.exec_driver_sql(
            "UPDATE attachments SET status = 'FAILED', lease_owner = NULL "
            "WHERE batch_id = ? AND status = 'PENDING'",
            (batch_id,),
        )
        tx.exec_driver_sql(
            "UPDATE batches SET attachment_failed = attachment_total - attachment_complete "
            "WHERE id = ?",
            (batch_id,),
        )
    path = f"/api/v1/ingest/batches/{batch_id}/events"
    with api.http.stream("GET", path, headers={"Last-Event-ID": last}) as stream:
        rest = [json.loads(event.data) for event in read_events(stream.iter_bytes())]
    assert rest[-1]["attachmentDownloadStatus"] == "PARTIAL_FAILURE"
