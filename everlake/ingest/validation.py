"""Validation of records against the catalog's data (contract, Judged in this order, 5).

Validation is pure: projects and uploads are read from the catalog beforehand.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

import msgspec

from everlake.contract.envelope import Record
from everlake.contract.errors import RecordError, RecordErrorCode
from everlake.contract.limits import MAX_ERRORS_SHOWN, Limits
from everlake.ingest.diagnostics import Diagnostic, diagnose, referenced_upload_ids
from everlake.ingest.normalization import are_projects_known, attachment_count
from everlake.ingest.parsing import ParsedRequest, ValidRequest
from everlake.ingest.upload_references import InvalidUploads, reference_uploads, upload_ids_of
from everlake.landing.accepted import encode_accepted
from everlake.landing.rejected import RejectedWriter


class ValidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """Accepted and rejected records of a request.

    Attributes:
        record_type: of all records; None where they have no valid one.
        product_id: of all records; None where they have none.
        accepted: number of accepted records.
        lines: accepted records as lines of the archive, not compressed.
        attachments: number of attachments of accepted records.
        rejected: number of rejected records.
        errors: the first 20 errors, by index.
        total_errors: number of all errors.
        rejected_object: archive object of the rejected records, compressed; None if there are none.
        rejected_by_code: number of rejected records by error code; a record counts once for each
            of its codes.
        uploads: ids of the uploads that accepted records refer to.
    """

    record_type: str | None
    product_id: str | None
    accepted: int
    lines: bytes
    attachments: int
    rejected: int = 0
    errors: list[RecordError] = []
    total_errors: int = 0
    rejected_object: bytes | None = None
    rejected_by_code: Mapping[RecordErrorCode, int] = {}
    uploads: frozenset[str] = frozenset()


def validate_fast(
    request: ValidRequest, projects: frozenset[str], limits: Limits
) -> ValidationResult | None:
    """Return the result if every record is accepted, otherwise None.

    Also None where a record refers to an upload, which has to be read from the catalog first.
    """
    records = request.records
    attachments = sum(map(attachment_count, records))
    if attachments > limits.attachments_per_batch or not are_projects_known(records, projects):
        return None
    if attachments and reference_uploads(records):
        return None
    return ValidationResult(
        record_type=request.record_type,
        product_id=request.product_id,
        accepted=len(records),
        lines=encode_accepted(records, line_breaks=request.line_breaks),
        attachments=attachments,
    )


def upload_ids_in(request: ParsedRequest, limits: Limits) -> set[str]:
    """Return the ids of the uploads that records of a request, valid or not, refer to."""
    ids: set[str] = set()
    for record, payload in zip(request.records, request.payloads, strict=True):
        ids.update(
            referenced_upload_ids(payload, limits) if record is None else upload_ids_of(record)
        )
    return ids


def validate_records(
    request: ParsedRequest,
    projects: frozenset[str],
    limits: Limits,
    invalid_uploads: InvalidUploads = MappingProxyType({}),
) -> ValidationResult:
    """Accept or reject each record of a request.

    Args:
        request: its product, if it has one, exists.
        projects: ids of the product's projects; empty where the request has no product.
        limits: for attachments.
        invalid_uploads: that no record may refer to.
    """
    accepted: list[Record] = []
    rejected = _RejectedRecords()
    attachments = 0
    known_projects = None if request.product_id is None else projects
    pairs = zip(request.records, request.payloads, strict=True)
    for index, (record, payload) in enumerate(pairs):
        if (
            record is None
            or not are_projects_known([record], projects)
            or not invalid_uploads.keys().isdisjoint(upload_ids_of(record))
        ):
            diagnostics = diagnose(
                payload, limits=limits, projects=known_projects, uploads=invalid_uploads
            )
            rejected.add(index, payload, diagnostics)
        elif attachments + attachment_count(record) > limits.attachments_per_batch:
            rejected.add(index, payload, [_too_many_attachments(limits)])
        else:
            attachments += attachment_count(record)
            accepted.append(record)
    return ValidationResult(
        record_type=request.record_type,
        product_id=request.product_id,
        accepted=len(accepted),
        lines=encode_accepted(accepted, line_breaks=True),
        rejected=rejected.count,
        errors=rejected.first_errors,
        total_errors=rejected.error_count,
        rejected_object=rejected.finish(),
        rejected_by_code=rejected.by_code,
        attachments=attachments,
        uploads=frozenset(chain.from_iterable(map(upload_ids_of, accepted))),
    )


class _RejectedRecords:
    """Rejected records of a request: their archive object, counts and first errors."""

    def __init__(self) -> None:
        self.count = 0
        self.error_count = 0
        self.first_errors: list[RecordError] = []
        self.by_code: Counter[RecordErrorCode] = Counter()
        self._writer: RejectedWriter | None = None

    def add(self, index: int, payload: bytes, diagnostics: Iterable[Diagnostic]) -> None:
        """Add a record with its errors."""
        self.count += 1
        self._writer = self._writer or RejectedWriter()
        self._writer.add(index, payload, self._count_errors(index, diagnostics))

    def _count_errors(self, index: int, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        codes: set[RecordErrorCode] = set()
        for code, message in diagnostics:
            self.error_count += 1
            if code not in codes:
                codes.add(code)
                self.by_code[code] += 1
            if len(self.first_errors) < MAX_ERRORS_SHOWN:
                self.first_errors.append(RecordError(index, code, message))
            yield code, message

    def finish(self) -> bytes | None:
        """Return the archive object; None if no record was added."""
        return self._writer.finish() if self._writer else None


def _too_many_attachments(limits: Limits) -> Diagnostic:
    return (
        RecordErrorCode.TOO_MANY_ATTACHMENTS,
        (
            f"_attachments: with this record, the batch has more than "
            f"{limits.attachments_per_batch:,} attachments: send it in another request"
        ),
    )
