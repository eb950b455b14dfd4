"""Ingest service: from a request to a committed batch."""

import hashlib
from concurrent.futures import Executor

import msgspec

from everlake import tracing
from everlake.catalog import idempotency
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError, QuotaExceeded
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.contract.errors import unavailable
from everlake.contract.limits import Limits
from everlake.ingest.batch_building import build_batch, build_receipt
from everlake.ingest.errors import all_records_rejected, idempotency_key_reused
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.project_cache import ProjectCache
from everlake.ingest.types import IdempotencyClaim, IngestRequest, IngestResult
from everlake.ingest.upload_checker import UploadChecker
from everlake.ingest.validator import RequestValidator
from everlake.metrics import Metrics
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.storage import ObjectStore
from everlake.timeouts import run_with_timeout

_encode = msgspec.json.Encoder().encode


class IngestService:
    """Validates requests, and commits their records as batches.

    Args:
        catalog: has products, projects, uploads and earlier responses.
        store: has the content of uploads.
        committer: makes batches durable.
        limits: of the wire.
        timeout: longest wait for the catalog, in seconds.
        metrics: count what is committed; of its own by default.
        pool: its threads validate record by record; None for the event loop's default pool.
        quotas: of the workspaces; None for none.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        committer: GroupCommitter,
        limits: Limits,
        timeout: float = DATABASE_TIMEOUT_SECONDS,
        metrics: Metrics | None = None,
        pool: Executor | None = None,
        quotas: WorkspaceQuotas | None = None,
    ) -> None:
        self._catalog = catalog
        self._committer = committer
        self._timeout = timeout
        self._metrics = metrics or Metrics()
        self._quotas = quotas if quotas is not None and quotas.enabled else None
        self._uploads = UploadChecker(catalog, store, timeout)
        projects = ProjectCache(catalog, timeout)
        self._validator = RequestValidator(projects, self._uploads, limits, pool)

    async def submit(self, request: IngestRequest) -> IngestResult:
        """Return the response to a request: once its batch is durable, unless it is a dry run.

        Raises:
            WireError: the error response.
            QuotaExceeded: the workspace has reached a quota.
            StorageError: the storage cannot be read.
        """
        try:
            return await self._submit(request)
        except QuotaExceeded:
            raise
        except CatalogError as error:
            raise unavailable(str(error)) from error

    async def _submit(self, request: IngestRequest) -> IngestResult:
        workspace_id = request.principal.workspace_id
        claim = _claim_of(request)
        if claim is not None:
            earlier = await run_with_timeout(self._timeout, self._find_replay, workspace_id, claim)
            if earlier is not None:
                return earlier
        if self._quotas is not None and not request.dry_run:
            await run_with_timeout(self._timeout, self._quotas.require_records, workspace_id)
        # The names of spans stay as they are: operators' dashboards refer to them.
        with tracing.child_span("judge"):
            result = await self._validator.validate(workspace_id, request.body, request.media_type)
        if request.dry_run:
            return IngestResult(_encode(build_receipt(result, None)), replayed=False)
        # Before the commit: an upload of a committed batch must not expire.
        await self._uploads.retain(workspace_id, result.uploads)
        batch = build_batch(self._catalog.new_batch_id(), request, result, claim)
        with tracing.child_span("admit"):
            committed = await self._committer.commit(batch)
        if not committed.replayed:
            self._metrics.record_batch_accepted(
                body_bytes=len(request.body),
                accepted=result.accepted,
                attachments=result.attachments,
                rejected=result.rejected,
                rejected_by_code=result.rejected_by_code,
            )
        if not result.accepted:
            raise all_records_rejected(build_receipt(result, batch.row.id))
        return committed

    def _find_replay(self, workspace_id: str, claim: IdempotencyClaim) -> IngestResult | None:
        with self._catalog.autocommit() as tx:
            earlier = idempotency.find(tx, workspace_id, claim.key)
        if earlier is None:
            return None
        if earlier.body_hash != claim.body_hash:
            raise idempotency_key_reused()
        return IngestResult(earlier.response, replayed=True)


def _claim_of(request: IngestRequest) -> IdempotencyClaim | None:
    if request.idempotency_key is None or request.dry_run:
        return None
    return IdempotencyClaim(request.idempotency_key, hashlib.sha256(request.body).digest())
