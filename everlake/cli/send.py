"""``everlake send``: files of records to a server."""

import gzip
import hashlib
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Raw
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from everlake.cli.context import JsonOption, err, fail, out, print_json, print_table
from everlake.client import ApiError, Client, Unreachable
from everlake.client.client import NDJSON
from everlake.contract.batch import BatchStatus, Receipt
from everlake.contract.errors import ErrorCode, RecordError
from everlake.contract.limits import ERRORS_SHOWN, Limits

_LIMITS = Limits()
_WAIT_SECONDS = 600.0


class Chunk(msgspec.Struct, frozen=True):
    """Records for one request: same type, same product, within the limits of a body."""

    lines: list[bytes]

    def body(self) -> bytes:
        """The records as NDJSON."""
        return b"\n".join(self.lines) + b"\n"


class Sent(msgspec.Struct):
    """What became of everything that was sent; ``errors`` count records from its beginning."""

    batches: list[str]
    accepted: int = 0
    rejected: int = 0
    errors: list[RecordError] = []
    unfinished: list[str] = []


class _Head(msgspec.Struct):
    record_type: Any = msgspec.field(name="_type", default=None)
    product_id: Any = msgspec.field(name="_product_id", default=None)


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def send(
    files: Annotated[
        list[str],
        typer.Argument(help="Files of JSON or NDJSON, plain or .gz; - for standard input."),
    ],
    key: Annotated[
        str, typer.Option("--key", envvar="EVERLAKE_API_KEY", help="API key with api:write.")
    ],
    url: Annotated[
        str, typer.Option("--url", envvar="EVERLAKE_URL", help="The server's base URL.")
    ] = "http://127.0.0.1:8400",
    wait: Annotated[bool, typer.Option("--wait", help="Return when all is COMPLETE.")] = False,
    json: JsonOption = False,
) -> None:
    """Send records from files, in requests of at most 1,000 records and 5 MB.

    Every request has an idempotency key made from its content, so a second run sends nothing
    twice. The exit code is 1 when anything was refused.

    Example: everlake send tickets.ndjson calls.json.gz --key em_sk_... --wait
    """
    chunks = list(chunks_of(line for name in files for line in read_records(name)))
    with Client(url, key) as client:
        sent = send_chunks(client, chunks, quiet=json)
        if wait:
            sent.unfinished = _wait(client, sent.batches)
    if json:
        print_json(sent)
    else:
        _say(sent)
    if sent.rejected or sent.unfinished:
        sys.exit(1)


def send_chunks(client: Client, chunks: list[Chunk], *, quiet: bool) -> Sent:
    """Send every chunk in its turn, with a progress bar on a terminal.

    Raises:
        ApiError: a request was refused as a whole.
        Unreachable: the server does not answer.
    """
    sent = Sent([])
    bar = Progress(
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records"),
        TimeRemainingColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    )
    with bar:
        task = bar.add_task("send", total=sum(len(chunk.lines) for chunk in chunks))
        before = 0
        for chunk in chunks:
            try:
                _add(sent, _send_chunk(client, chunk), before)
            except (ApiError, Unreachable):
                print_json(sent) if quiet else _say(sent)
                raise
            before += len(chunk.lines)
            bar.advance(task, len(chunk.lines))
    return sent


def _wait(client: Client, batch_ids: list[str]) -> list[str]:
    """Wait for the batches to end; those with accepted records that are not ``COMPLETE``."""
    ended = [client.wait(batch_id, timeout=_WAIT_SECONDS) for batch_id in batch_ids]
    return [
        batch.batchId
        for batch in ended
        if batch.acceptedCount and batch.status is not BatchStatus.COMPLETE
    ]


def _send_chunk(client: Client, chunk: Chunk) -> Receipt:
    body = chunk.body()
    key = "send-" + hashlib.sha256(body).hexdigest()
    try:
        return client.ingest(body, content_type=NDJSON, idempotency_key=key)
    except ApiError as error:
        if error.body.error is not ErrorCode.ALL_RECORDS_REJECTED:
            raise
        details = error.body.details or {}
        return msgspec.convert({**details, "acceptedCount": 0}, Receipt)


def _add(sent: Sent, receipt: Receipt, before: int) -> None:
    if isinstance(receipt.batchId, str):
        sent.batches.append(receipt.batchId)
    sent.accepted += receipt.acceptedCount
    sent.rejected += receipt.rejectedCount
    if isinstance(receipt.errors, list):
        sent.errors += [
            msgspec.structs.replace(error, index=before + error.index)
            for error in receipt.errors[: ERRORS_SHOWN - len(sent.errors)]
        ]


def read_records(name: str) -> Iterator[bytes]:
    """The JSON texts of the records in a file: one record, an array, a wrapper, or NDJSON.

    A text that is not JSON is passed on as it is: the server says what is wrong with it.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        if name == "-":
            content = sys.stdin.buffer.read()
        else:
            content = Path(name).read_bytes()
            if name.endswith(".gz"):
                content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        fail(f"{name} cannot be read: {error}")
    try:
        if content.lstrip().startswith(b"["):
            return iter([_one_line(item) for item in _decode_array(content)])
        members = _decode_members(content)
        if set(members) == {"records"}:
            return iter([_one_line(item) for item in _decode_array(members["records"])])
        return iter([_one_line(Raw(content.strip()))])
    except msgspec.DecodeError:
        return (line for line in content.split(b"\n") if line.strip())


def _one_line(record: Raw) -> bytes:
    # A line break in JSON stands only between tokens, where a space is as good.
    return bytes(record).replace(b"\r", b" ").replace(b"\n", b" ")


def chunks_of(lines: Iterable[bytes]) -> Generator[Chunk]:
    """Records in their order, in chunks that one request may hold."""
    kind: tuple[str, str] | None = None
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        this = _kind_of(line)
        full = len(chunk) >= _LIMITS.records_per_batch
        large = size + len(line) + 1 > _LIMITS.body_bytes
        if chunk and (full or large or (this and kind and this != kind)):
            yield Chunk(chunk)
            chunk, size, kind = [], 0, None
        chunk.append(line)
        size += len(line) + 1
        kind = this or kind
    if chunk:
        yield Chunk(chunk)


def _kind_of(line: bytes) -> tuple[str, str] | None:
    try:
        head = _decode_head(line)
    except msgspec.DecodeError:
        return None
    return str(head.record_type).strip().lower(), str(head.product_id)


def _say(sent: Sent) -> None:
    out.print(f"{sent.accepted:,} accepted, {sent.rejected:,} refused, {len(sent.batches)} batches")
    for batch_id in sent.unfinished:
        out.print(f"batch {batch_id} is not COMPLETE: everlake batches show {batch_id} says why")
    if sent.errors:
        print_table(
            ("INDEX", "CODE", "WHY"), [(e.index, e.code.value, e.message) for e in sent.errors]
        )
