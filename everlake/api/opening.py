"""Opening of the services that the settings describe."""

from everlake.api.byte_semaphore import ByteSemaphore
from everlake.api.rate_limit.limiter import CatalogRateLimiter, LocalRateLimiter, RateLimiter
from everlake.api.readiness import ReadinessCheck
from everlake.api.services import Services
from everlake.api.subscriptions import BatchSubscriptions
from everlake.attachments.uploads.service import UploadService
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.catalog.uploads import UploadQuota
from everlake.fair_threads import FairThreadPool
from everlake.identity.api_key_authentication import ApiKeyAuthenticator
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.service import IngestService
from everlake.lake.opening import open_lake
from everlake.metrics import Metrics, acquire_slot
from everlake.runtime.metrics_exposition import MetricsExposition
from everlake.settings import Settings
from everlake.settings.defaults import LAKE_TIMEOUT_SECONDS, STORAGE_TIMEOUT_SECONDS
from everlake.storage import DiskReserve, open_store

COMPUTING_THREADS = 4
"""Threads of a process for calls that take much processor time."""
COMPUTING_SHARE = 2
"""Those of them that one workspace has at a time."""

RESPONSE_MEMORY = 64 * 1024 * 1024
"""Bytes that the large responses of a process may take at a time."""
MEMORY_SHARE = 0.75
"""Part of the memory for bodies, and of that for responses, that one workspace may take."""


def open_services(settings: Settings) -> Services:
    """Open the catalog, the storage and the lake, and the services on top of them.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """
    # The slot comes first: it determines where the metrics are counted.
    slot = acquire_slot(settings.metrics_directory, "api")
    metrics = Metrics()
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    catalog.check()
    store = open_store(settings.archive_url)
    lake = open_lake(settings.archive_url, catalog)
    timeout = settings.database.timeout
    disk = DiskReserve(settings.record_directories, settings.storage.reserve_bytes)
    quotas = _open_quotas(settings, catalog)
    committer = GroupCommitter(catalog, store, timeout, disk=disk)
    computing = FairThreadPool(COMPUTING_THREADS, COMPUTING_SHARE, "computing")
    body_memory = _body_memory(settings, settings.api.body_memory)
    return Services(
        catalog=catalog,
        store=store,
        readiness=ReadinessCheck(catalog, store, lake, disk),
        lake=lake,
        committer=committer,
        ingest=IngestService(
            catalog, store, committer, settings.limits, timeout, metrics, computing, quotas
        ),
        uploads=UploadService(
            catalog,
            store,
            lifetime_hours=settings.uploads.lifetime_hours,
            part_bytes=settings.uploads.part_bytes,
            direct=settings.uploads.target == "bucket",
            quota=UploadQuota(
                size=settings.uploads.unused_bytes, count=settings.uploads.unused_count
            ),
            disk=disk,
            workspace_quotas=quotas,
        ),
        authenticator=ApiKeyAuthenticator(catalog, timeout),
        rate_limiter=_open_rate_limiter(settings, catalog),
        computing=computing,
        body_memory=body_memory,
        upload_memory=_body_memory(settings, settings.api.body_memory // 2, body_memory),
        response_memory=ByteSemaphore(
            RESPONSE_MEMORY, LAKE_TIMEOUT_SECONDS, share=int(RESPONSE_MEMORY * MEMORY_SHARE)
        ),
        body_timeout=settings.api.body_timeout,
        database_timeout=timeout,
        storage_timeout=STORAGE_TIMEOUT_SECONDS,
        lake_timeout=LAKE_TIMEOUT_SECONDS,
        limits=settings.limits,
        public_url=settings.api.public_url,
        subscriptions=BatchSubscriptions(catalog),
        metrics=metrics,
        metrics_exposition=MetricsExposition(metrics, slot, catalog, settings.rebuild_lock),
    )


def _open_quotas(settings: Settings, catalog: Catalog) -> WorkspaceQuotas:
    return WorkspaceQuotas(
        catalog,
        total_bytes=settings.quotas.total_bytes,
        records_per_day=settings.quotas.records_per_day,
    )


def _body_memory(
    settings: Settings, capacity: int, parent: ByteSemaphore | None = None
) -> ByteSemaphore:
    share = int(capacity * MEMORY_SHARE)
    return ByteSemaphore(capacity, settings.api.body_timeout, share=share, parent=parent)


def _open_rate_limiter(settings: Settings, catalog: Catalog) -> RateLimiter:
    limits = settings.limits
    if catalog.is_shared:
        return CatalogRateLimiter(
            catalog, limits.requests_per_second, limits.burst, settings.database.timeout
        )
    file = settings.data_directory / "rate-limits"
    return LocalRateLimiter(limits.requests_per_second, limits.burst, file)
