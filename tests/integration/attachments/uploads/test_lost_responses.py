"""Parts of uploads in a bucket whose responses get lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.attachments.uploads.service import UploadService
from everlake.attachments.uploads.types import parts_of
from everlake.catalog.opening import open_catalog
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.catalog.uploads import UploadQuota, UploadRow
from everlake.contract.uploads import UploadRequest
from everlake.identity.types import Principal, PrincipalKind
from everlake.storage import DiskReserve, StorageUnavailable
from everlake.storage.s3 import S3Store, S3Timeouts
from tests.support.catalog_fixture import catalog_fixture
from tests.support.s3 import S3Server
from tests.support.s3_proxy import S3Fault, S3Proxy

DATA = b"part"


@pytest.fixture
def service(faulty_s3: S3Proxy, s3_server: S3Server, tmp_path: Path) -> Iterator[UploadService]:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    catalog.upgrade()
    timeouts = S3Timeouts(connect=1, read=0.5, total=5, retry=2, rollback=20)
    store = S3Store(s3_server.new_bucket(), timeouts=timeouts)
    yield UploadService(
        catalog,
        store,
        lifetime_hours=1,
        part_bytes=len(DATA),
        direct=False,
        quota=UploadQuota(size=0, count=0),
        disk=DiskReserve([], 0),
        workspace_quotas=WorkspaceQuotas(catalog, total_bytes=0, records_per_day=0),
    )
    catalog.close()


@pytest.fixture
def upload(service: UploadService, tmp_path: Path) -> UploadRow:
    home = catalog_fixture(open_catalog(f"sqlite:///{tmp_path}/catalog.db"))
    principal = Principal(
        kind=PrincipalKind.API_KEY,
        id=home.key_id,
        workspace_id=home.workspace_id,
        permissions=frozenset({"api:write"}),
        source="api",
    )
    created = service.create(principal, UploadRequest(size=2 * len(DATA)))
    row = service.get(home.workspace_id, created.upload_intent_id)
    assert row is not None
    return row


def test_a_part_that_was_stored_remains_when_all_its_responses_are_lost(
    service: UploadService, upload: UploadRow, faulty_s3: S3Proxy
) -> None:
    """Another request for the same part may have been answered with 200 meanwhile."""
    first, _ = parts_of(upload)
    forever = 1_000_000
    faulty_s3.faults = [
        S3Fault("lost answer", "PUT", times=forever),
        S3Fault("status", "GET", times=forever, after=1),
    ]

    with pytest.raises(StorageUnavailable):
        service.put_part(upload, first, DATA)

    faulty_s3.faults = []
    assert service.progress(upload).received_bytes == len(DATA)
    service.put_part(upload, first, DATA)
