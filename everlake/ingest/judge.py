"""Each record by itself: which are accepted, which refused and why (contract, Judged, 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

import msgspec

from everlake.contract.envelope import RECORD_TYPES, Record
from everlake.contract.errors import RecordError, RecordErrorCode
from everlake.contract.limits import ERRORS_SHOWN, Limits
from everlake.ingest.explain import Fault, explain, uploads_named
from everlake.ingest.submission import RightSubmission, Submission
from everlake.ingest.uploads import BadUploads, name_uploads, uploads_of
from everlake.ingest.validate import attachments_of, projects_known
from everlake.landing.lines import RefusedWriter, encode_accepted


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
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
    refused: bytes | None = None
    refused_by: Mapping[RecordErrorCode, int] = {}
    uploads: frozenset[str] = frozenset()


def accept_all(
    submission: RightSubmission, projects: frozenset[str], limits: Limits
) -> Judgement | None:
    """The judgement where every record is accepted, or None.

    None where one is refused, for a reason that :func:`judge` says, or names an upload, which has
    to be looked up first.
    """
    records = submission.records
    attachments = sum(map(attachments_of, records))
    if attachments > limits.attachments_per_batch or not projects_known(records, projects):
        return None
    if attachments and name_uploads(records):
        return None
    return Judgement(
        record_type=submission.record_type,
        product_id=submission.product_id,
        accepted=len(records),
        lines=encode_accepted(records, line_breaks=submission.line_breaks),
        attachments=attachments,
    )


def uploads_in(submission: Submission, limits: Limits) -> set[str]:
    """Every upload that a record of the submission names, right or not."""
    named: set[str] = set()
    for record, payload in zip(submission.records, submission.payloads, strict=True):
        named.update(uploads_named(payload, limits) if record is None else uploads_of(record))
    return named


def judge(
    submission: Submission,
    projects: frozenset[str],
    limits: Limits,
    uploads: BadUploads = MappingProxyType({}),
) -> Judgement:
    """Judge every record of a thoroughly read submission whose product exists.

    Args:
        projects: the ids of the product's projects; empty where no record names a product.
        limits: for attachments.
        uploads: those that no record may name.
    """
    accepted: list[Record] = []
    refusals = _Refusals()
    attachments = 0
    known = None if submission.product_id is None else projects
    pairs = zip(submission.records, submission.payloads, strict=True)
    for index, (record, payload) in enumerate(pairs):
        if (
            record is None
            or not projects_known([record], projects)
            or not uploads.keys().isdisjoint(uploads_of(record))
        ):
            faults = explain(payload, limits=limits, projects=known, uploads=uploads)
            refusals.add(index, payload, faults)
        elif attachments + attachments_of(record) > limits.attachments_per_batch:
            refusals.add(index, payload, [_too_many_attachments(limits)])
        else:
            attachments += attachments_of(record)
            accepted.append(record)
    return Judgement(
        record_type=submission.record_type if submission.record_type in RECORD_TYPES else None,
        product_id=submission.product_id,
        accepted=len(accepted),
        lines=encode_accepted(accepted, line_breaks=True),
        rejected=refusals.records,
        errors=refusals.shown,
        total_errors=refusals.total,
        refused=refusals.finish(),
        refused_by=refusals.by_code,
        attachments=attachments,
        uploads=frozenset(chain.from_iterable(map(uploads_of, accepted))),
    )


class _Refusals:
    def __init__(self) -> None:
        self.records = 0
        self.total = 0
        self.shown: list[RecordError] = []
        self.by_code: Counter[RecordErrorCode] = Counter()
        self._writer: RefusedWriter | None = None

    def add(self, index: int, payload: bytes, faults: Iterable[Fault]) -> None:
        self.records += 1
        self._writer = self._writer or RefusedWriter()
        self._writer.add(index, payload, self._counted(index, faults))

    def _counted(self, index: int, faults: Iterable[Fault]) -> Iterator[Fault]:
        # One record can have a million faults, so they pass by and are never held together.
        codes: set[RecordErrorCode] = set()
        for code, text in faults:
            self.total += 1
            if code not in codes:
                codes.add(code)
                self.by_code[code] += 1
            if len(self.shown) < ERRORS_SHOWN:
                self.shown.append(RecordError(index, code, text))
            yield code, text

    def finish(self) -> bytes | None:
        return self._writer.finish() if self._writer else None


def _too_many_attachments(limits: Limits) -> Fault:
    return (
        RecordErrorCode.TOO_MANY_ATTACHMENTS,
        (
            f"_attachments: the batch would hold more than {limits.attachments_per_batch:,} "
            "attachments: send this record in another request"
        ),
    )
