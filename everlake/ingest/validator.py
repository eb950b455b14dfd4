"""Validation of a request: its body, and its references to projects and uploads."""

from concurrent.futures import Executor

from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.parsing import ParsedRequest, parse_each, parse_fast
from everlake.ingest.project_cache import ProjectCache
from everlake.ingest.upload_checker import UploadChecker
from everlake.ingest.validation import (
    ValidationResult,
    upload_ids_in,
    validate_fast,
    validate_records,
)
from everlake.timeouts import run_in_pool


class RequestValidator:
    """Accepts or rejects each record of a request.

    Args:
        projects: of the products.
        uploads: checks those that records refer to.
        limits: of the wire.
        pool: its threads validate record by record; None for the event loop's default pool.
    """

    def __init__(
        self,
        projects: ProjectCache,
        uploads: UploadChecker,
        limits: Limits,
        pool: Executor | None = None,
    ) -> None:
        self._projects = projects
        self._uploads = uploads
        self._limits = limits
        self._pool = pool

    async def validate(
        self, workspace_id: str, body: bytes, media_type: MediaType
    ) -> ValidationResult:
        """Validate a request and each of its records (contract, Judged in this order, 4 and 5).

        A request in which everything is valid, as most are, is validated in the event loop: a
        thread would take longer to answer than the validation takes. All others are validated
        record by record in a thread.

        Raises:
            WireError: the request as a whole is invalid, or ``UNAVAILABLE``.
            CatalogError: the catalog cannot be read.
            StorageError: the storage cannot be read.
        """
        request = parse_fast(body, media_type, self._limits)
        if request is not None:
            projects = await self._projects.get(workspace_id, request.product_id)
            result = validate_fast(request, projects, self._limits)
            if result is not None:
                return result
        return await self._validate_each(workspace_id, body, media_type)

    async def _validate_each(
        self, workspace_id: str, body: bytes, media_type: MediaType
    ) -> ValidationResult:
        request, upload_ids = await run_in_pool(self._pool, self._parse_each, body, media_type)
        projects: frozenset[str] = frozenset()
        if request.product_id is not None:
            # Not the cached ones: a project may have been added since.
            projects = await self._projects.refresh(workspace_id, request.product_id)
        invalid_uploads = await self._uploads.find_invalid(workspace_id, upload_ids)
        return await run_in_pool(
            self._pool, validate_records, request, projects, self._limits, invalid_uploads
        )

    def _parse_each(self, body: bytes, media_type: MediaType) -> tuple[ParsedRequest, set[str]]:
        request = parse_each(body, media_type, self._limits)
        return request, upload_ids_in(request, self._limits)
