"""One chunk to the server, in as many requests as that takes, and what became of its records."""

import sys
from collections.abc import Iterable
from itertools import islice

import msgspec
from msgspec import UNSET

from everlake.client.client import Client
from everlake.client.record_reader import RejectedInput
from everlake.client.request_batches import RequestBatch
from everlake.client.responses import ApiError
from everlake.client.throttle import Throttle
from everlake.contract.batches import Receipt
from everlake.contract.errors import ErrorBody, ErrorCode, RecordError

_SPLIT_ERRORS = (ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.TOO_MANY_RECORDS)
_REJECTED_STATUSES = (400, 413)
_MAX_ERRORS_PER_RECORD = 20
"""Most errors of one record that are held: it may have a million."""

_ErrorsByIndex = dict[int, list[tuple[str, str]]]
"""The known errors of refused records, by their index in a chunk."""


class SendResult(msgspec.Struct):
    """What became of records that were sent.

    ``batches`` are ids, none for a dry run. ``replayed`` counts those of the accepted records
    that an earlier run had sent. ``rejected`` counts all refused records, ``errors`` all of their
    errors; ``refused`` are those that are known one by one.
    """

    batches: list[str] = []
    accepted: int = 0
    replayed: int = 0
    rejected: int = 0
    errors: int = 0
    rejections: list[RejectedInput] = []

    def add(self, other: "SendResult") -> None:
        """Take in what became of others."""
        self.batches += other.batches
        self.accepted += other.accepted
        self.replayed += other.replayed
        self.rejected += other.rejected
        self.errors += other.errors
        self.rejections += other.rejections


class BatchSender:
    """Sends chunks, each from its beginning to its end. Threads may share it.

    Args:
        client: gives up by raising.
        pace: asked before each request.
        dry_run: whether records are judged only.
        every_refusal: whether to find out which records were refused where an answer, which
            shows 20 errors, does not say it of all. That takes further requests.
    """

    def __init__(
        self,
        client: Client,
        throttle: Throttle,
        *,
        dry_run: bool = False,
        all_rejections: bool = False,
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._dry_run = dry_run
        self._all_rejections = all_rejections
        self._min_rejected_bytes = self._min_rejected_records = sys.maxsize

    def send(self, batch: RequestBatch, key: str) -> SendResult:
        """Send a chunk under an idempotency key, in halves where the server takes no more.

        What the server refuses for good is part of the outcome.

        Raises:
            ApiError: no request of this kind can succeed now.
            Unreachable: no answer.
            Stopped: the pace was stopped.
        """
        if len(batch) > 1 and self._exceeds_known_limit(batch):
            return self._send_halves(batch, key)
        try:
            receipt, replayed = self._request(batch, key)
        except ApiError as error:
            code = error.body.error
            if code in _SPLIT_ERRORS and len(batch) > 1:
                self._remember_limit(code, batch)
                return self._send_halves(batch, key)
            if code is not ErrorCode.ALL_RECORDS_REJECTED:
                if error.status in _REJECTED_STATUSES:
                    return _reject_batch(batch, error.body)
                raise
            details = {} if error.body.details is UNSET else error.body.details
            receipt, replayed = msgspec.convert({**details, "acceptedCount": 0}, Receipt), False
        return self._to_result(batch, receipt, replayed=replayed)

    def _request(self, batch: RequestBatch, key: str) -> tuple[Receipt, bool]:
        self._throttle.wait()
        answer = self._client.ingest_or_replay(
            batch.body, content_type=batch.media_type, idempotency_key=key, dry_run=self._dry_run
        )
        self._throttle.record_success()
        return answer

    def _exceeds_known_limit(self, batch: RequestBatch) -> bool:
        """Whether the server has refused no more than this before.

        Asking would end in the same halves, as a limit does not change from one to the next.
        """
        return (
            len(batch.body) >= self._min_rejected_bytes or len(batch) >= self._min_rejected_records
        )

    def _remember_limit(self, code: ErrorCode, batch: RequestBatch) -> None:
        if code is ErrorCode.TOO_MANY_RECORDS:
            self._min_rejected_records = min(self._min_rejected_records, len(batch))
        else:
            self._min_rejected_bytes = min(self._min_rejected_bytes, len(batch.body))

    def _send_halves(self, batch: RequestBatch, key: str) -> SendResult:
        middle = len(batch) // 2
        outcome = self.send(batch.subset(0, middle), f"{key}.0")
        outcome.add(self.send(batch.subset(middle, len(batch)), f"{key}.1"))
        return outcome

    def _to_result(self, batch: RequestBatch, receipt: Receipt, *, replayed: bool) -> SendResult:
        outcome = SendResult(
            accepted=receipt.acceptedCount,
            replayed=receipt.acceptedCount if replayed else 0,
            rejected=receipt.rejectedCount,
            errors=receipt.totalErrorCount,
        )
        if receipt.batchId is not UNSET:
            outcome.batches.append(receipt.batchId)
        if receipt.rejectedCount:
            errors = self._collect_errors(batch, receipt)
            texts = batch.texts()
            outcome.rejections = [
                RejectedInput(batch.locations[index], texts[index], errors[index])
                for index in sorted(errors)
            ]
        return outcome

    def _collect_errors(self, batch: RequestBatch, receipt: Receipt) -> _ErrorsByIndex:
        errors: _ErrorsByIndex = {}
        _add_receipt_errors(errors, receipt, 0)
        if receipt.rejectedCount == len(batch):
            for index in range(len(batch)):
                errors.setdefault(index, [])
        elif self._all_rejections and len(errors) < receipt.rejectedCount:
            if receipt.batchId is UNSET:
                self._dry_run_rest(batch, receipt, errors)
            else:
                self._fetch_errors(receipt.batchId, errors)
        return errors

    def _fetch_errors(self, batch_id: str, errors: _ErrorsByIndex) -> None:
        try:
            for record in self._client.errors(batch_id):
                known = errors.setdefault(record.index, [])
                found = ((fault.code.value, fault.message) for fault in record.errors)
                known += islice(
                    (each for each in found if each not in known), _MAX_ERRORS_PER_RECORD
                )
        except ApiError:
            # Another server of this contract may not offer them. Nothing hangs on it here.
            return

    def _dry_run_rest(self, batch: RequestBatch, receipt: Receipt, errors: _ErrorsByIndex) -> None:
        """Have the records behind the last one shown judged again, until all are known.

        Errors are shown in the order of the records, so before the last one none is hidden.
        """
        refused = receipt.rejectedCount
        while len(errors) < refused:
            start = max(errors, default=-1) + 1
            rest = batch.subset(start, len(batch))
            receipt, _ = self._request(rest, "dry-run")
            if not receipt.rejectedCount:
                return
            _add_receipt_errors(errors, receipt, start)
            if receipt.rejectedCount == len(rest):
                for index in range(start, len(batch)):
                    errors.setdefault(index, [])


def _add_receipt_errors(errors: _ErrorsByIndex, receipt: Receipt, start: int) -> None:
    shown: Iterable[RecordError] = () if receipt.errors is UNSET else receipt.errors
    for error in shown:
        errors.setdefault(start + error.index, []).append((error.code.value, error.message))


def _reject_batch(batch: RequestBatch, error: ErrorBody) -> SendResult:
    errors = [(error.error.value, error.message)]
    refused = [
        RejectedInput(place, text, errors)
        for place, text in zip(batch.locations, batch.texts(), strict=True)
    ]
    return SendResult(rejected=len(refused), errors=len(refused), rejections=refused)
