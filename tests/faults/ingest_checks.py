"""What must hold of every answer to a request, and requests judged without a server."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from everlake.catalog import api_keys
from everlake.contract.errors import ErrorCode, RecordErrorCode, WireError
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType, parse_media_type
from everlake.identity.api_key_authentication import api_key_principal
from everlake.identity.types import Principal
from everlake.ingest.body_reader import BodyReader
from everlake.ingest.parsing import parse_each, parse_fast
from everlake.ingest.service import IngestService
from everlake.ingest.types import IngestRequest
from tests.faults.ledger import PRODUCT, PROJECT
from tests.faults.mutations import NDJSON, Mutator, Sent
from tests.support.worker_fixture import WorkerFixture

T = TypeVar("T")

_ERRORS_SHOWN = 20


def run_mutations(data: Path, seed: str, count: int) -> Counter[str]:
    """Submit so many requests as dry runs to what a server calls once it has read a body.

    Args:
        data: an empty directory.
        seed: decides on the requests.
        count: of requests.

    Returns:
        how they ended: an error code, or ``accepted``, ``in part`` or ``refused``.

    Raises:
        AssertionError: an answer is not as it has to be.
    """
    home = WorkerFixture(data, product_id=PRODUCT, project_id=PROJECT)
    try:
        with home.catalog.transaction() as tx:
            key, _ = api_keys.create(
                tx, home.workspace_id, label="k", permissions=["api:write"], max_live=10
            )
        ingest = IngestService(home.catalog, home.store, home.admitter, Limits())
        return asyncio.run(
            _submit_all(ingest, api_key_principal(key), Mutator(seed).requests(count))
        )
    finally:
        home.close()


def check_counts(body: dict[str, Any], sent: Sent, accepted: int) -> None:
    """Counts and errors add up, among themselves and with what was sent."""
    errors = body.get("errors", [])
    rejected, total = body["rejectedCount"], body["totalErrorCount"]
    assert total >= rejected
    assert ("errors" in body) == (total > 0) == (rejected > 0)
    assert len(errors) == min(total, _ERRORS_SHOWN)
    assert [error["index"] for error in errors] == sorted(error["index"] for error in errors)
    for error in errors:
        assert error.keys() == {"index", "code", "message"}
        assert 0 <= error["index"] < accepted + rejected
        assert error["code"] in set(RecordErrorCode)
        assert 1 <= len(error["message"]) <= 2_048
    if sent.plain is not None:
        count = _count(sent.plain, sent.headers["content-type"])
        assert count in {None, accepted + rejected}


def _count(plain: bytes, media: str) -> int | None:
    """How many records a body has, as another reader of JSON counts them; None where it cannot."""
    if media == NDJSON:
        return sum(1 for line in plain.split(b"\n") if line.strip())
    try:
        whole = json.loads(plain, parse_int=str)
    except RecursionError:
        return None
    if isinstance(whole, dict):
        whole = whole.get("records", [whole])
    return len(whole)


def check_validation(sent: Sent) -> None:
    """The fast verdict and the thorough one are the same."""
    if sent.plain is None:
        return
    media = MediaType(sent.headers["content-type"])
    quick = _attempt(parse_fast, sent.plain, media)
    thorough = _attempt(parse_each, sent.plain, media)
    if isinstance(quick, ErrorCode) or isinstance(thorough, ErrorCode):
        assert quick is None or quick == thorough
        return
    right = all(record is not None for record in thorough.records)
    assert right == (quick is not None)
    if quick is not None:
        assert msgspec.json.encode(quick.records) == msgspec.json.encode(thorough.records)
        kinds = (thorough.record_type, thorough.product_id)
        assert (quick.record_type, quick.product_id) == kinds


def _attempt(
    read: Callable[[bytes, MediaType, Limits], T], body: bytes, media: MediaType
) -> T | ErrorCode:
    try:
        return read(body, media, Limits())
    except WireError as error:
        return error.code


def pieces(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    """A body cut into chunks of these sizes."""
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return [body[end - size : end] for end, size in zip(ends, sizes, strict=True)]


async def _submit_all(
    ingest: IngestService, principal: Principal, requests: Iterable[Sent]
) -> Counter[str]:
    seen: Counter[str] = Counter()
    for sent in requests:
        try:
            seen[await _end_of(ingest, principal, sent)] += 1
            check_validation(sent)
        except Exception as error:
            error.add_note(str(sent))
            raise
    return seen


async def _end_of(ingest: IngestService, principal: Principal, sent: Sent) -> str:
    try:
        receipt = await _submit(ingest, principal, sent)
    except WireError as error:
        return error.code
    accepted = receipt["acceptedCount"]
    check_counts(receipt, sent, accepted)
    return "refused" if not accepted else "in part" if receipt["rejectedCount"] else "accepted"


async def _submit(ingest: IngestService, principal: Principal, sent: Sent) -> dict[str, Any]:
    """What a dry run of a request answers.

    Raises:
        WireError: it is refused as a whole.
    """
    media_type = parse_media_type(sent.headers.get("content-type", ""))
    reader = BodyReader(sent.headers.get("content-encoding", ""), Limits().body_bytes)
    for piece in pieces(sent.body, sent.chunks or [len(sent.body)]):
        reader.feed(piece)
    request = IngestRequest(
        principal=principal, body=reader.finish(), media_type=media_type, dry_run=True
    )
    return json.loads((await ingest.submit(request)).receipt)
