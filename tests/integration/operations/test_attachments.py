from collections.abc import Iterator

import pytest

from everlake.attachments.paths import content_path
from everlake.catalog.database import Catalog
from everlake.contract.attachments import AttachmentStatus, Retried
from everlake.operations.attachments import (
    get_attachment,
    list_batch_attachments,
    open_content,
    read_content,
    retry_batch_attachments,
)
from everlake.operations.errors import (
    ArchiveUnreadable,
    ContentNotAvailable,
    ContentUnreadable,
    ResourceNotFound,
)
from tests.support.hostile_behaviours import HostileServer, content, hostile_server
from tests.support.worker_attachments import attach, attachment_worker, landed, with_attachments
from tests.support.worker_fixture import WorkerFixture

SIZE = 1_200


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as server:
        yield server


@pytest.fixture
def batch_id(home: WorkerFixture, server: HostileServer) -> str:
    """A batch with one attachment that is stored and one whose download failed."""
    stored = attach(server.url(f"file/{SIZE}"), filename="stored.bin")
    failed = attach(server.url("status/404"), filename="failed.bin")
    batch_id = landed(home, with_attachments("a", stored, failed))
    with attachment_worker(home) as worker:
        worker.run_until_settled(batch_id)
    return batch_id


def test_attachments_are_listed_by_pages_in_the_order_of_the_records(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    page = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=1)
    [first] = page.items
    rest = list_batch_attachments(
        catalog, home.workspace_id, batch_id, limit=1, after=(first.line, first.place)
    )
    whole = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=2)
    everything = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=None)
    failed = list_batch_attachments(
        catalog, home.workspace_id, batch_id, limit=None, status=AttachmentStatus.FAILED
    )

    assert (page.has_more, rest.has_more, whole.has_more) == (True, False, False)
    assert [row.filename for row in whole.items] == ["stored.bin", "failed.bin"]
    assert whole.items == everything.items == [*page.items, *rest.items]
    assert failed.items == rest.items


def test_a_workspace_sees_no_attachment_of_another(
    home: WorkerFixture, catalog: Catalog, other_workspace: str, batch_id: str
) -> None:
    [attachment, _] = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=None).items

    assert get_attachment(catalog, home.workspace_id, attachment.id) == attachment
    with pytest.raises(ResourceNotFound):
        get_attachment(catalog, other_workspace, attachment.id)
    with pytest.raises(ResourceNotFound):
        list_batch_attachments(catalog, other_workspace, batch_id, limit=None)
    with pytest.raises(ResourceNotFound):
        retry_batch_attachments(catalog, home.store, other_workspace, batch_id)


@pytest.mark.parametrize("unknown", ["", "unknown", "a\0b", "é" * 129])
def test_what_can_be_no_id_is_not_found(
    home: WorkerFixture, catalog: Catalog, unknown: str
) -> None:
    with pytest.raises(ResourceNotFound):
        get_attachment(catalog, home.workspace_id, unknown)


def test_content_is_read_in_chunks_of_any_range(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    [stored, failed] = list_batch_attachments(
        catalog, home.workspace_id, batch_id, limit=None
    ).items

    opened = open_content(home.store, stored)
    chunks = list(read_content(home.store, opened, 100, SIZE, chunk_bytes=500))

    assert (opened.size, opened.sha256) == (SIZE, stored.sha256)
    assert b"".join(chunks) == content(SIZE)[100:]
    assert max(map(len, chunks)) <= 500
    with pytest.raises(ContentNotAvailable) as error:
        open_content(home.store, failed)
    assert error.value.attachment == failed


def test_content_that_is_cut_or_lost_is_unreadable(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    [stored, _] = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=None).items
    assert stored.sha256 is not None
    file = home.data / content_path(home.workspace_id, stored.sha256)

    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ContentUnreadable, match="has 1199 bytes and should have 1200"):
        open_content(home.store, stored)
    file.unlink()
    with pytest.raises(ContentUnreadable):
        open_content(home.store, stored)


def test_failed_attachments_are_retried_once(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    retried = retry_batch_attachments(catalog, home.store, home.workspace_id, batch_id)
    again = retry_batch_attachments(catalog, home.store, home.workspace_id, batch_id)

    assert (retried, again) == (Retried(1, 0), Retried(0, 0))
    [_, failed] = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=None).items
    assert failed.status is AttachmentStatus.PENDING


def test_attachments_that_were_never_listed_are_listed_first(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    with catalog.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM jobs")
        tx.exec_driver_sql("DELETE FROM attachments")

    retried = retry_batch_attachments(catalog, home.store, home.workspace_id, batch_id)

    assert retried == Retried(2, 0)
    listed = list_batch_attachments(catalog, home.workspace_id, batch_id, limit=None).items
    assert {row.status for row in listed} == {AttachmentStatus.PENDING}


def test_they_cannot_be_listed_without_the_landing_object(
    home: WorkerFixture, catalog: Catalog, batch_id: str
) -> None:
    with catalog.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM jobs")
        tx.exec_driver_sql("DELETE FROM attachments")
    file = home.landing_file(batch_id)
    file.unlink()

    with pytest.raises(ArchiveUnreadable) as error:
        retry_batch_attachments(catalog, home.store, home.workspace_id, batch_id)
    assert error.value.path == home.batch(batch_id).landing_path
