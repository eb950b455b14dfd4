"""Sending of one request batch, in as many requests as it takes."""

import sys
from collections.abc import Iterable
from itertools import islice

import msgspec
from msgspec import UNSET

from everlake.client.client import Client
from everlake.client.errors import ApiError
from everlake.client.request_batches import RequestBatch
from everlake.client.throttle import Throttle
from everlake.client.types import RejectedInput, SendResult
from everlake.contract.batches import Receipt
from everlake.contract.errors import ErrorBody, ErrorCode, RecordError

_SPLIT_ERRORS = (ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.TOO_MANY_RECORDS)
_REJECTED_STATUSES = (400, 413)
_MAX_ERRORS_PER_RECORD = 20
"""Most errors kept of one record, which may have a million."""

_ErrorsByIndex = dict[int, list[tuple[str, str]]]
"""Known errors of rejected records, by their index in a batch."""


class BatchSender:
    """Sends one request batch at a time for each thread. Threads may share it.

    Args:
        client: of the server.
        throttle: waited for before each request.
        dry_run: validate records without storing them.
        all_rejections: find all rejected records, with further requests where a response, which
            has at most 20 errors, does not name all.
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
        """Send a batch, in halves if the server accepts only smaller ones, and return the result.

        Records that the server rejects are part of the result.

        Args:
            batch: records of one request.
            key: idempotency key.

        Raises:
            ApiError: error response that other requests would get as well.
            Unreachable: no response.
            SendingStopped: the throttle was stopped.
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
        result = self._client.ingest_or_replay(
            batch.body, content_type=batch.media_type, idempotency_key=key, dry_run=self._dry_run
        )
        self._throttle.record_success()
        return result

    def _exceeds_known_limit(self, batch: RequestBatch) -> bool:
        """Return whether the server has rejected a batch of at most this size before.

        Its limits are the same for each request, so this one would be rejected too.
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
        result = self.send(batch.subset(0, middle), f"{key}.0")
        result.add(self.send(batch.subset(middle, len(batch)), f"{key}.1"))
        return result

    def _to_result(self, batch: RequestBatch, receipt: Receipt, *, replayed: bool) -> SendResult:
        result = SendResult(
            accepted=receipt.acceptedCount,
            replayed=receipt.acceptedCount if replayed else 0,
            rejected=receipt.rejectedCount,
            errors=receipt.totalErrorCount,
        )
        if receipt.batchId is not UNSET:
            result.batches.append(receipt.batchId)
        if receipt.rejectedCount:
            errors = self._collect_errors(batch, receipt)
            texts = batch.texts()
            result.rejections = [
                RejectedInput(batch.locations[index], texts[index], errors[index])
                for index in sorted(errors)
            ]
        return result

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
                found = ((error.code.value, error.message) for error in record.errors)
                known += islice(
                    (each for each in found if each not in known), _MAX_ERRORS_PER_RECORD
                )
        except ApiError:
            # Another server of this contract may not have this endpoint, and need not.
            return

    def _dry_run_rest(self, batch: RequestBatch, receipt: Receipt, errors: _ErrorsByIndex) -> None:
        """Validate the records after the last one with an error again, until all errors are known.

        A response has errors in the order of the records, so it has all of those before its last.
        """
        rejected = receipt.rejectedCount
        while len(errors) < rejected:
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
    rejections = [
        RejectedInput(location, text, errors)
        for location, text in zip(batch.locations, batch.texts(), strict=True)
    ]
    return SendResult(rejected=len(rejections), errors=len(rejections), rejections=rejections)
