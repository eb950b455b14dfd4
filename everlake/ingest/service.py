"""One request's body to one batch."""

import asyncio
import hashlib

import msgspec
from msgspec import UNSET

from everlake import tracing
from everlake.catalog import idempotency
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.batches import NewBatch
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.batches import BatchStatus, PayloadFormat, Receipt
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.contract.ids import batch_id_time
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.batch_commit import (
    IdempotencyClaim,
    IngestResult,
    ValidatedBatch,
    idempotency_key_reused,
)
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.parsing import parse_each, parse_fast
from everlake.ingest.project_cache import ProjectCache
from everlake.ingest.upload_references import UploadChecker
from everlake.ingest.validation import (
    ValidationResult,
    upload_ids_in,
    validate_fast,
    validate_records,
)
from everlake.landing.paths import landing_paths
from everlake.metrics import Metrics
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.timeouts import run_with_timeout

_encode = msgspec.json.Encoder().encode


class IngestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the ingest endpoint was given, after steps 1 to 3 of the contract's order."""

    key: ApiKey
    body: bytes
    media_type: MediaType
    payload_format: PayloadFormat | None = None
    idempotency_key: str | None = None
    dry_run: bool = False


class IngestService:
    """Judges requests and makes what they hold durable.

    Args:
        catalog: knows products and what came before.
        admitter: makes batches durable.
        limits: those of the wire.
        patience: seconds that the catalog may take to answer.
        meters: count what became a batch; of its own where left out.
    """

    def __init__(
        self,
        catalog: Catalog,
        committer: GroupCommitter,
        limits: Limits,
        timeout: float = DATABASE_TIMEOUT_SECONDS,
        meters: Metrics | None = None,
    ) -> None:
        self._catalog = catalog
        self._timeout = timeout
        self._committer = committer
        self._limits = limits
        self._meters = meters or Metrics()
        self._projects = ProjectCache(catalog)
        self._uploads = UploadChecker(catalog, committer.store)

    async def submit(self, request: IngestRequest) -> IngestResult:
        """The body of the 202 (or, for a dry run, of the 200).

        Raises:
            WireError: everything else that the contract answers.
        """
        try:
            return await self._submit(request)
        except CatalogError as error:
            raise unavailable(str(error)) from error

    async def _submit(self, request: IngestRequest) -> IngestResult:
        claim = None
        if request.idempotency_key is not None and not request.dry_run:
            claim = IdempotencyClaim(request.idempotency_key, hashlib.sha256(request.body).digest())
            earlier = await run_with_timeout(
                self._timeout, self._find_replay, request.key.workspace_id, claim
            )
            if earlier is not None:
                return earlier
        with tracing.child_span("judge"):
            judgement = await self._validate(request)
        if request.dry_run:
            return IngestResult(_encode(_receipt(judgement, None)), replayed=False)
        if judgement.uploads:
            # Before the batch, or they might expire under it.
            workspace_id = request.key.workspace_id
            await run_with_timeout(
                self._timeout, self._uploads.retain, workspace_id, judgement.uploads
            )
        batch = _new_batch(self._catalog.new_batch_id(), request, judgement)
        admission, receipt = _validated_batch(batch, judgement, claim)
        with tracing.child_span("admit"):
            admitted = await self._committer.commit(admission)
        if not admitted.replayed:
            self._meters.record_batch_accepted(
                body_bytes=len(request.body),
                accepted=judgement.accepted,
                attachments=judgement.attachments,
                rejected=judgement.rejected,
                rejected_by_code=judgement.rejected_by_code,
            )
        if not receipt.acceptedCount:
            raise _all_records_rejected(receipt)
        return admitted

    def _find_replay(self, workspace_id: str, claim: IdempotencyClaim) -> IngestResult | None:
        with self._catalog.autocommit() as tx:
            earlier = idempotency.find(tx, workspace_id, claim.key)
        if earlier is None:
            return None
        if earlier.body_hash != claim.body_hash:
            raise idempotency_key_reused()
        return IngestResult(earlier.response, replayed=True)

    async def _validate(self, request: IngestRequest) -> ValidationResult:
        quick = parse_fast(request.body, request.media_type, self._limits)
        if quick is not None:
            projects = await self._projects_of(request.key.workspace_id, quick.product_id)
            judgement = validate_fast(quick, projects, self._limits)
            if judgement is not None:
                return judgement
        return await asyncio.to_thread(self._validate_each, request)

    async def _projects_of(self, workspace_id: str, product_id: str) -> frozenset[str]:
        remembered = self._projects.cached(workspace_id, product_id)
        if remembered is not None:
            return remembered
        return await run_with_timeout(
            self._timeout, self._refresh_projects, workspace_id, product_id
        )

    def _refresh_projects(self, workspace_id: str, product_id: str) -> frozenset[str]:
        projects = self._projects.refresh(workspace_id, product_id)
        if projects is None:
            raise WireError(
                ErrorCode.UNKNOWN_PRODUCT,
                "_product_id does not name a product of this key's workspace: "
                "GET /api/v1/products lists them.",
            )
        return projects

    def _validate_each(self, request: IngestRequest) -> ValidationResult:
        submission = parse_each(request.body, request.media_type, self._limits)
        projects: frozenset[str] = frozenset()
        if submission.product_id is not None:
            projects = self._refresh_projects(request.key.workspace_id, submission.product_id)
        named = upload_ids_in(submission, self._limits)
        bad = self._uploads.find_invalid(request.key.workspace_id, named)
        return validate_records(submission, projects, self._limits, bad)


def _validated_batch(
    batch: NewBatch, result: ValidationResult, claim: IdempotencyClaim | None
) -> tuple[ValidatedBatch, Receipt]:
    receipt = _receipt(result, batch.id)
    admission = ValidatedBatch(
        row=batch,
        lines=result.lines,
        rejected_object=result.rejected_object,
        receipt=_encode(receipt),
        claim=claim if result.accepted else None,
    )
    return admission, receipt


def _new_batch(batch_id: str, request: IngestRequest, result: ValidationResult) -> NewBatch:
    created_at = batch_id_time(batch_id)
    key = request.key
    paths = landing_paths(key.workspace_id, key.source, result.record_type, batch_id, created_at)
    return NewBatch(
        id=batch_id,
        workspace_id=key.workspace_id,
        status=BatchStatus.LANDING if result.accepted else BatchStatus.FAILED,
        created_at=created_at,
        key_id=key.id,
        source=key.source,
        type=result.record_type,
        product_id=result.product_id,
        payload_format=request.payload_format,
        accepted=result.accepted,
        rejected=result.rejected,
        total_errors=result.total_errors,
        errors=result.errors,
        landing_path=paths.accepted if result.accepted else None,
        landing_bytes=len(result.lines),
        rejected_path=paths.rejected if result.rejected_object is not None else None,
        attachment_total=result.attachments,
        failure=None if result.accepted else "every record was refused",
        traceparent=tracing.traceparent(),
    )


def _receipt(result: ValidationResult, batch_id: str | None) -> Receipt:
    return Receipt(
        acceptedCount=result.accepted,
        rejectedCount=result.rejected,
        totalErrorCount=result.total_errors,
        batchId=UNSET if batch_id is None else batch_id,
        errors=result.errors or UNSET,
    )


def _all_records_rejected(receipt: Receipt) -> WireError:
    details: dict[str, object] = {
        "batchId": receipt.batchId,
        "rejectedCount": receipt.rejectedCount,
        "totalErrorCount": receipt.totalErrorCount,
        "errors": msgspec.to_builtins(receipt.errors),
    }
    return WireError(
        ErrorCode.ALL_RECORDS_REJECTED,
        "Every record was refused: details.errors says why. The batch is kept as FAILED.",
        details=details,
    )
