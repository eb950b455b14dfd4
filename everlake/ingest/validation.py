"""Each record by itself: which are accepted, which refused and why (contract, Judged, 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

import msgspec

from everlake.contract.envelope import RECORD_TYPES, Record
from everlake.contract.errors import RecordError, RecordErrorCode
from everlake.contract.limits import MAX_ERRORS_SHOWN, Limits
from everlake.ingest.diagnostics import Diagnostic, diagnose, referenced_upload_ids
from everlake.ingest.normalization import are_projects_known, attachment_count
from everlake.ingest.parsing import ParsedRequest, ValidRequest
from everlake.ingest.upload_references import InvalidUploads, reference_uploads, upload_ids_of
from everlake.landing.lines import RejectedWriter, encode_accepted


class ValidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission.

    ``lines`` are the accepted records as the archive keeps them, not compressed. ``errors`` are
    the first 20 by index, ``total_errors`` counts all; ``refused`` is the
    compressed object of the refused records, or None when there are none. ``refused_by`` counts
    each of these once under every code that its errors have. ``uploads`` are those that accepted
    records name.
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
    """The judgement where every record is accepted, or None.

    None where one is refused, for a reason that :func:`judge` says, or names an upload, which has
    to be looked up first.
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
    """Every upload that a record of the submission names, right or not."""
    named: set[str] = set()
    for record, payload in zip(request.records, request.payloads, strict=True):
        named.update(
            referenced_upload_ids(payload, limits) if record is None else upload_ids_of(record)
        )
    return named


def validate_records(
    request: ParsedRequest,
    projects: frozenset[str],
    limits: Limits,
    invalid_uploads: InvalidUploads = MappingProxyType({}),
) -> ValidationResult:
    """Judge every record of a thoroughly read submission whose product exists.

    Args:
        projects: the ids of the product's projects; empty where no record names a product.
        limits: for attachments.
        invalid_uploads: those that no record may name.
    """
    accepted: list[Record] = []
    refusals = _RejectedRecords()
    attachments = 0
    known = None if request.product_id is None else projects
    pairs = zip(request.records, request.payloads, strict=True)
    for index, (record, payload) in enumerate(pairs):
        if (
            record is None
            or not are_projects_known([record], projects)
            or not invalid_uploads.keys().isdisjoint(upload_ids_of(record))
        ):
            faults = diagnose(payload, limits=limits, projects=known, uploads=invalid_uploads)
            refusals.add(index, payload, faults)
        elif attachments + attachment_count(record) > limits.attachments_per_batch:
            refusals.add(index, payload, [_too_many_attachments(limits)])
        else:
            attachments += attachment_count(record)
            accepted.append(record)
    return ValidationResult(
        record_type=request.record_type if request.record_type in RECORD_TYPES else None,
        product_id=request.product_id,
        accepted=len(accepted),
        lines=encode_accepted(accepted, line_breaks=True),
        rejected=refusals.count,
        errors=refusals.first_errors,
        total_errors=refusals.error_count,
        rejected_object=refusals.finish(),
        rejected_by_code=refusals.by_code,
        attachments=attachments,
        uploads=frozenset(chain.from_iterable(map(upload_ids_of, accepted))),
    )


class _RejectedRecords:
    def __init__(self) -> None:
        self.count = 0
        self.error_count = 0
        self.first_errors: list[RecordError] = []
        self.by_code: Counter[RecordErrorCode] = Counter()
        self._writer: RejectedWriter | None = None

    def add(self, index: int, payload: bytes, diagnostics: Iterable[Diagnostic]) -> None:
        self.count += 1
        self._writer = self._writer or RejectedWriter()
        self._writer.add(index, payload, self._count_errors(index, diagnostics))

    def _count_errors(self, index: int, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        # One record can have a million faults, so they pass by and are never held together.
        codes: set[RecordErrorCode] = set()
        for code, text in diagnostics:
            self.error_count += 1
            if code not in codes:
                codes.add(code)
                self.by_code[code] += 1
            if len(self.first_errors) < MAX_ERRORS_SHOWN:
                self.first_errors.append(RecordError(index, code, text))
            yield code, text

    def finish(self) -> bytes | None:
        return self._writer.finish() if self._writer else None


def _too_many_attachments(limits: Limits) -> Diagnostic:
    return (
        RecordErrorCode.TOO_MANY_ATTACHMENTS,
        (
            f"_attachments: the batch would hold more than {limits.attachments_per_batch:,} "
            "attachments: send this record in another request"
        ),
    )
