"""One chunk to the server, in as many requests as that takes, and what became of its records."""

import sys
from collections.abc import Iterable
from itertools import islice

import msgspec
from msgspec import UNSET

from everlake.client.answers import ApiError
from everlake.client.chunks import Chunk
from everlake.client.client import Client
from everlake.client.pace import Pace
from everlake.client.records import Refused
from everlake.contract.batch import Receipt
from everlake.contract.errors import ErrorBody, ErrorCode, RecordError

_FOR_SMALLER = (ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.TOO_MANY_RECORDS)
_ABOUT_REQUEST = (400, 413)
_ERRORS_HELD = 20
"""Most errors of one record that are held: it may have a million."""

_Errors = dict[int, list[tuple[str, str]]]
"""The known errors of refused records, by their index in a chunk."""


class Outcome(msgspec.Struct):
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
    refused: list[Refused] = []

    def add(self, other: "Outcome") -> None:
        """Take in what became of others."""
        self.batches += other.batches
        self.accepted += other.accepted
        self.replayed += other.replayed
        self.rejected += other.rejected
        self.errors += other.errors
        self.refused += other.refused


class Delivery:
    """Sends chunks, each from its beginning to its end. Threads may share it.

    Args:
        client: gives up by raising.
        pace: asked before each request.
        dry_run: whether records are judged only.
        every_refusal: whether to find out which records were refused where an answer, which
            shows 20 errors, does not say it of all. That takes further requests.
    """

    def __init__(
        self, client: Client, pace: Pace, *, dry_run: bool = False, every_refusal: bool = False
    ) -> None:
        self._client = client
        self._pace = pace
        self._dry_run = dry_run
        self._every_refusal = every_refusal
        self._too_many_bytes = self._too_many_records = sys.maxsize

    def deliver(self, chunk: Chunk, key: str) -> Outcome:
        """Send a chunk under an idempotency key, in halves where the server takes no more.

        What the server refuses for good is part of the outcome.

        Raises:
            ApiError: no request of this kind can succeed now.
            Unreachable: no answer.
            Stopped: the pace was stopped.
        """
        if len(chunk) > 1 and self._is_too_much(chunk):
            return self._deliver_halves(chunk, key)
        try:
            receipt, replayed = self._ask(chunk, key)
        except ApiError as error:
            code = error.body.error
            if code in _FOR_SMALLER and len(chunk) > 1:
                self._learn(code, chunk)
                return self._deliver_halves(chunk, key)
            if code is not ErrorCode.ALL_RECORDS_REJECTED:
                if error.status in _ABOUT_REQUEST:
                    return _refused_together(chunk, error.body)
                raise
            details = {} if error.body.details is UNSET else error.body.details
            receipt, replayed = msgspec.convert({**details, "acceptedCount": 0}, Receipt), False
        return self._outcome(chunk, receipt, replayed=replayed)

    def _ask(self, chunk: Chunk, key: str) -> tuple[Receipt, bool]:
        self._pace.wait()
        answer = self._client.ingest_or_replay(
            chunk.body, content_type=chunk.media_type, idempotency_key=key, dry_run=self._dry_run
        )
        self._pace.went_well()
        return answer

    def _is_too_much(self, chunk: Chunk) -> bool:
        """Whether the server has refused no more than this before.

        Asking would end in the same halves, as a limit does not change from one to the next.
        """
        return len(chunk.body) >= self._too_many_bytes or len(chunk) >= self._too_many_records

    def _learn(self, code: ErrorCode, chunk: Chunk) -> None:
        if code is ErrorCode.TOO_MANY_RECORDS:
            self._too_many_records = min(self._too_many_records, len(chunk))
        else:
            self._too_many_bytes = min(self._too_many_bytes, len(chunk.body))

    def _deliver_halves(self, chunk: Chunk, key: str) -> Outcome:
        middle = len(chunk) // 2
        outcome = self.deliver(chunk.part(0, middle), f"{key}.0")
        outcome.add(self.deliver(chunk.part(middle, len(chunk)), f"{key}.1"))
        return outcome

    def _outcome(self, chunk: Chunk, receipt: Receipt, *, replayed: bool) -> Outcome:
        outcome = Outcome(
            accepted=receipt.acceptedCount,
            replayed=receipt.acceptedCount if replayed else 0,
            rejected=receipt.rejectedCount,
            errors=receipt.totalErrorCount,
        )
        if receipt.batchId is not UNSET:
            outcome.batches.append(receipt.batchId)
        if receipt.rejectedCount:
            errors = self._errors_of(chunk, receipt)
            texts = chunk.texts()
            outcome.refused = [
                Refused(chunk.places[index], texts[index], errors[index])
                for index in sorted(errors)
            ]
        return outcome

    def _errors_of(self, chunk: Chunk, receipt: Receipt) -> _Errors:
        errors: _Errors = {}
        _collect(errors, receipt, 0)
        if receipt.rejectedCount == len(chunk):
            for index in range(len(chunk)):
                errors.setdefault(index, [])
        elif self._every_refusal and len(errors) < receipt.rejectedCount:
            if receipt.batchId is UNSET:
                self._judge_the_rest(chunk, receipt, errors)
            else:
                self._read_errors(receipt.batchId, errors)
        return errors

    def _read_errors(self, batch_id: str, errors: _Errors) -> None:
        try:
            for record in self._client.errors(batch_id):
                known = errors.setdefault(record.index, [])
                found = ((fault.code.value, fault.message) for fault in record.errors)
                known += islice((each for each in found if each not in known), _ERRORS_HELD)
        except ApiError:
            # Another server of this contract may not offer them. Nothing hangs on it here.
            return

    def _judge_the_rest(self, chunk: Chunk, receipt: Receipt, errors: _Errors) -> None:
        """Have the records behind the last one shown judged again, until all are known.

        Errors are shown in the order of the records, so before the last one none is hidden.
        """
        refused = receipt.rejectedCount
        while len(errors) < refused:
            start = max(errors, default=-1) + 1
            rest = chunk.part(start, len(chunk))
            receipt, _ = self._ask(rest, "dry-run")
            if not receipt.rejectedCount:
                return
            _collect(errors, receipt, start)
            if receipt.rejectedCount == len(rest):
                for index in range(start, len(chunk)):
                    errors.setdefault(index, [])


def _collect(errors: _Errors, receipt: Receipt, start: int) -> None:
    shown: Iterable[RecordError] = () if receipt.errors is UNSET else receipt.errors
    for error in shown:
        errors.setdefault(start + error.index, []).append((error.code.value, error.message))


def _refused_together(chunk: Chunk, why: ErrorBody) -> Outcome:
    errors = [(why.error.value, why.message)]
    refused = [
        Refused(place, text, errors)
        for place, text in zip(chunk.places, chunk.texts(), strict=True)
    ]
    return Outcome(rejected=len(refused), errors=len(refused), refused=refused)
