"""One request's body to one batch."""

import asyncio
import hashlib

import msgspec
from msgspec import UNSET

from everlake import tracing
from everlake.catalog import idempotency
from everlake.catalog.batches import NewBatch
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.keys import ApiKey
from everlake.contract.batch import BatchStatus, PayloadFormat, Receipt
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.ids import batch_id_time
from everlake.contract.limits import Limits
from everlake.ingest.admission import Admission, Admitted, IdempotencyClaim, key_reused
from everlake.ingest.admit import Admitter
from everlake.ingest.asking import PATIENCE, ask, unavailable
from everlake.ingest.body import MediaType
from everlake.ingest.directory import Directory
from everlake.ingest.judge import Judgement, accept_all, judge, uploads_in
from everlake.ingest.submission import read_quickly, read_thoroughly
from everlake.ingest.uploads import UploadCheck
from everlake.landing.paths import landing_paths
from everlake.metrics import Meters

_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the ingest endpoint was given, after steps 1 to 3 of the contract's order."""

    key: ApiKey
    body: bytes
    media_type: MediaType
    payload_format: PayloadFormat | None = None
    idempotency_key: str | None = None
    dry_run: bool = False


class Ingest:
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
        admitter: Admitter,
        limits: Limits,
        patience: float = PATIENCE,
        meters: Meters | None = None,
    ) -> None:
        self._catalog = catalog
        self._patience = patience
        self._admitter = admitter
        self._limits = limits
        self._meters = meters or Meters()
        self._directory = Directory(catalog)
        self._uploads = UploadCheck(catalog, admitter.store)

    async def submit(self, request: Request) -> Admitted:
        """The body of the 202 (or, for a dry run, of the 200).

        Raises:
            WireError: everything else that the contract answers.
        """
        try:
            return await self._submit(request)
        except CatalogError as error:
            raise unavailable(str(error)) from error

    async def _submit(self, request: Request) -> Admitted:
        claim = None
        if request.idempotency_key is not None and not request.dry_run:
            claim = IdempotencyClaim(request.idempotency_key, hashlib.sha256(request.body).digest())
            earlier = await ask(self._patience, self._find_earlier, request.key.workspace_id, claim)
            if earlier is not None:
                return earlier
        with tracing.part("judge"):
            judgement = await self._judge(request)
        if request.dry_run:
            return Admitted(_encode(_receipt(judgement, None)), replayed=False)
        if judgement.uploads:
            # Before the batch, or they might expire under it.
            workspace_id = request.key.workspace_id
            await ask(self._patience, self._uploads.use, workspace_id, judgement.uploads)
        batch = _new_batch(self._catalog.new_batch_id(), request, judgement)
        admission, receipt = _admission(batch, judgement, claim)
        with tracing.part("admit"):
            admitted = await self._admitter.admit(admission)
        if not admitted.replayed:
            self._meters.admitted(
                body_bytes=len(request.body),
                accepted=judgement.accepted,
                attachments=judgement.attachments,
                refused=judgement.rejected,
                refused_by=judgement.refused_by,
            )
        if not receipt.acceptedCount:
            raise _all_rejected(receipt)
        return admitted

    def _find_earlier(self, workspace_id: str, claim: IdempotencyClaim) -> Admitted | None:
        with self._catalog.look() as tx:
            earlier = idempotency.find(tx, workspace_id, claim.key)
        if earlier is None:
            return None
        if earlier.body_hash != claim.body_hash:
            raise key_reused()
        return Admitted(earlier.response, replayed=True)

    async def _judge(self, request: Request) -> Judgement:
        quick = read_quickly(request.body, request.media_type, self._limits)
        if quick is not None:
            projects = await self._projects_of(request.key.workspace_id, quick.product_id)
            judgement = accept_all(quick, projects, self._limits)
            if judgement is not None:
                return judgement
        return await asyncio.to_thread(self._judge_thoroughly, request)

    async def _projects_of(self, workspace_id: str, product_id: str) -> frozenset[str]:
        remembered = self._directory.remembered(workspace_id, product_id)
        if remembered is not None:
            return remembered
        return await ask(self._patience, self._known_projects, workspace_id, product_id)

    def _known_projects(self, workspace_id: str, product_id: str) -> frozenset[str]:
        projects = self._directory.projects_of(workspace_id, product_id)
        if projects is None:
            raise WireError(
                ErrorCode.UNKNOWN_PRODUCT,
                "_product_id does not name a product of this key's workspace: "
                "GET /api/v1/products lists them.",
            )
        return projects

    def _judge_thoroughly(self, request: Request) -> Judgement:
        submission = read_thoroughly(request.body, request.media_type, self._limits)
        projects: frozenset[str] = frozenset()
        if submission.product_id is not None:
            projects = self._known_projects(request.key.workspace_id, submission.product_id)
        named = uploads_in(submission, self._limits)
        bad = self._uploads.bad(request.key.workspace_id, named)
        return judge(submission, projects, self._limits, bad)


def _admission(
    batch: NewBatch, judgement: Judgement, claim: IdempotencyClaim | None
) -> tuple[Admission, Receipt]:
    receipt = _receipt(judgement, batch.id)
    admission = Admission(
        batch=batch,
        lines=judgement.lines,
        refused=judgement.refused,
        receipt=_encode(receipt),
        claim=claim if judgement.accepted else None,
    )
    return admission, receipt


def _new_batch(batch_id: str, request: Request, judgement: Judgement) -> NewBatch:
    created_at = batch_id_time(batch_id)
    key = request.key
    paths = landing_paths(key.workspace_id, key.source, judgement.record_type, batch_id, created_at)
    return NewBatch(
        id=batch_id,
        workspace_id=key.workspace_id,
        status=BatchStatus.LANDING if judgement.accepted else BatchStatus.FAILED,
        created_at=created_at,
        key_id=key.id,
        source=key.source,
        type=judgement.record_type,
        product_id=judgement.product_id,
        payload_format=request.payload_format,
        accepted=judgement.accepted,
        rejected=judgement.rejected,
        total_errors=judgement.total_errors,
        errors=judgement.errors,
        landing_path=paths.accepted if judgement.accepted else None,
        landing_bytes=len(judgement.lines),
        rejected_path=paths.rejected if judgement.refused is not None else None,
        attachment_total=judgement.attachments,
        failure=None if judgement.accepted else "every record was refused",
        traceparent=tracing.traceparent(),
    )


def _receipt(judgement: Judgement, batch_id: str | None) -> Receipt:
    return Receipt(
        acceptedCount=judgement.accepted,
        rejectedCount=judgement.rejected,
        totalErrorCount=judgement.total_errors,
        batchId=UNSET if batch_id is None else batch_id,
        errors=judgement.errors or UNSET,
    )


def _all_rejected(receipt: Receipt) -> WireError:
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
