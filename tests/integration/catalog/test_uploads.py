"""The quota of uploads to which no record refers."""

import threading
from contextlib import suppress

import pytest

from everlake.catalog import uploads
from everlake.catalog.database import Catalog
from everlake.catalog.errors import TooManyUploads
from everlake.catalog.uploads import NewUpload, UploadQuota
from everlake.clock import now_ms
from everlake.contract.ids import new_upload_id
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture


def announce(home: CatalogFixture, size: int, *, most: int = 0, count: int = 0) -> str:
    """Insert an upload under a quota, and return its id."""
    now = now_ms()
    upload = NewUpload(
        id=new_upload_id(),
        workspace_id=home.workspace_id,
        key_id=home.key_id,
        created_at=now,
        expires_at=now + 1_000,
        size=size,
        part_size=10,
    )
    with home.catalog.transaction() as tx:
        uploads.insert(tx, upload, UploadQuota(size=most, count=count))
    return upload.id


def test_the_sizes_of_unused_uploads_are_bounded(home: CatalogFixture) -> None:
    announce(home, 60, most=100)
    with pytest.raises(TooManyUploads, match="60 bytes"):
        announce(home, 41, most=100)
    announce(home, 40, most=100)
    with pytest.raises(TooManyUploads):
        announce(home, 1, most=100)
    announce(home, 0, most=100)


def test_the_number_of_unused_uploads_is_bounded(home: CatalogFixture) -> None:
    announce(home, 0, count=2)
    announce(home, 0, count=2)
    with pytest.raises(TooManyUploads, match="2 uploads"):
        announce(home, 0, count=2)


def test_a_quota_of_0_is_no_limit(home: CatalogFixture) -> None:
    announce(home, 2**62)
    announce(home, 100, count=2)
    announce(home, 2**61, most=0)


def test_an_upload_that_a_record_refers_to_or_that_is_deleted_counts_no_more(
    home: CatalogFixture,
) -> None:
    used, deleted = announce(home, 50, most=100), announce(home, 50, most=100)
    with home.catalog.transaction() as tx:
        uploads.mark_used(tx, home.workspace_id, [used], now=now_ms())
    announce(home, 50, most=100)
    with home.catalog.transaction() as tx:
        assert uploads.delete_unused(tx, [deleted]) == 1
    announce(home, 50, most=100)
    with pytest.raises(TooManyUploads):
        announce(home, 1, most=100)


def test_workspaces_have_quotas_of_their_own(home: CatalogFixture) -> None:
    announce(home, 100, most=100)
    announce(catalog_fixture(home.catalog), 100, most=100)


def test_concurrent_announcements_do_not_exceed_the_quota_together(
    home: CatalogFixture, other: Catalog
) -> None:
    homes = (home, CatalogFixture(other, home.workspace_id, home.key_id))
    start = threading.Barrier(8)
    announced: list[str] = []

    def announce_one(number: int) -> None:
        start.wait()
        with suppress(TooManyUploads):
            announced.append(announce(homes[number % 2], 30, most=100))

    threads = [threading.Thread(target=announce_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(announced) == 3
