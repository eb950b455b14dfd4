"""Services that the routes call; one set in each API process."""

import msgspec

from everlake.api.byte_semaphore import ByteSemaphore
from everlake.api.rate_limit.limiter import RateLimiter
from everlake.api.readiness import ReadinessCheck
from everlake.api.subscriptions import BatchSubscriptions
from everlake.attachments.uploads.service import UploadService
from everlake.catalog.database import Catalog
from everlake.contract.limits import Limits
from everlake.fair_threads import FairThreadPool
from everlake.identity.api_key_authentication import ApiKeyAuthenticator
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.service import IngestService
from everlake.lake import Lake
from everlake.metrics import Metrics
from everlake.runtime.metrics_exposition import MetricsExposition
from everlake.storage import ObjectStore


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Services of one API process.

    Attributes:
        computing: threads for calls that take much processor time.
        public_url: where clients reach this server; empty for the host of each request.
        body_memory: bytes that the bodies of all requests may take at a time.
        upload_memory: the share of ``body_memory`` for the bodies of uploads.
        response_memory: bytes that large responses may take at a time.
        body_timeout: seconds until a body, or a part of an upload, must have arrived.
        database_timeout: longest wait of a request for the database, in seconds.
        storage_timeout: longest wait of a request for the storage, in seconds.
        lake_timeout: longest wait of a request for the lake, in seconds.
    """

    catalog: Catalog
    store: ObjectStore
    readiness: ReadinessCheck
    lake: Lake
    committer: GroupCommitter
    ingest: IngestService
    uploads: UploadService
    authenticator: ApiKeyAuthenticator
    rate_limiter: RateLimiter
    computing: FairThreadPool
    body_memory: ByteSemaphore
    upload_memory: ByteSemaphore
    response_memory: ByteSemaphore
    body_timeout: float
    database_timeout: float
    storage_timeout: float
    lake_timeout: float
    limits: Limits
    public_url: str
    subscriptions: BatchSubscriptions
    metrics: Metrics
    metrics_exposition: MetricsExposition
