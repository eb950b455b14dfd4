"""A hundred thousand requests with something wrong in them: each gets its answer, none does harm.

A part goes over HTTP to a real server, on connections that stay open. The others are submitted in
this process, as dry runs, to what the server calls once it has read a body. For every one of them
the fast verdict is held against the thorough one.
"""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import pytest

from everlake.contract.errors import HTTP_STATUSES, ErrorCode
from tests.faults.chaos_settings import SEED, scaled
from tests.faults.ingest_checks import check_counts, check_validation, pieces, run_mutations
from tests.faults.ledger import PRODUCT, PROJECT
from tests.faults.mutations import Mutator, Sent
from tests.support.raw_http import ProcessMemory, chunked, connect, read_response, request_head
from tests.support.server import NO_RATE_LIMIT, ApiClient, run_everlake_json, running_server

SETTINGS = {**NO_RATE_LIMIT, "EVERLAKE_LOG_LEVEL": "warning", "EVERLAKE_API_PROCESSES": "1"}
BODIES = scaled(100_000)
OVER_HTTP = scaled(12_000)
THREADS = 4
PROCESSES = 2
WARM_UP = 0.2
"""Share of the requests after which memory must be stable."""
MOST_GROWTH = 48 * 1024 * 1024
"""Most growth in bytes; the allocator may keep freed memory."""
READ_BACK_EVERY = 10
CODES = {
    ErrorCode.INVALID_JSON,
    ErrorCode.INVALID_BODY,
    ErrorCode.EMPTY_BATCH,
    ErrorCode.TOO_MANY_RECORDS,
    ErrorCode.MIXED_BATCH,
    ErrorCode.UNKNOWN_PRODUCT,
    ErrorCode.ALL_RECORDS_REJECTED,
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
}
"""What such a request may be answered with, beside its counts; see the contract's table."""
NOT_JUDGED = {
    ErrorCode.ALL_RECORDS_REJECTED,  # a dry run says it in its counts
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.INVALID_PARAMETER,
}


class Answer:
    """A status, headers in lower case, and a JSON body."""

    def __init__(self, received: bytes) -> None:
        top, _, body = received.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        assert self.headers["content-type"].split(";")[0] == "application/json", received
        self.body: dict[str, Any] = json.loads(body)


class Sender:
    """One client with one connection at a time."""

    def __init__(self, api: ApiClient, seed: str) -> None:
        self._api = api
        self._requests = Mutator(seed)
        self._wire = connect(api)
        self.seen: Counter[str] = Counter()
        self.to_read_back: list[tuple[str, list[bytes]]] = []
        self.faults: list[str] = []

    def send(self, count: int) -> None:
        """Send so many requests, and note what was not as it should be."""
        for sent in self._requests.requests(count):
            try:
                self._judge(sent, self._exchange(sent))
                check_validation(sent)
            except (AssertionError, OSError, ValueError, KeyError) as error:
                self.faults.append(f"{type(error).__name__}: {error}: {sent}")
                self._wire.close()
                self._wire = connect(self._api)
            if len(self.faults) > 20:
                return

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def _exchange(self, sent: Sent) -> Answer:
        lines = [f"{name}: {value}" for name, value in sent.headers.items()]
        if sent.chunks is None:
            body = sent.body
            lines.append(f"content-length: {len(body)}")
        else:
            body = chunked(*pieces(sent.body, sent.chunks))
            lines.append("transfer-encoding: chunked")
        top = request_head(self._api, *lines).replace(
            b" HTTP/1.1", sent.query.encode() + b" HTTP/1.1", 1
        )
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before the end
            self._wire.sendall(top + body)
        answer = Answer(read_response(self._wire))
        if answer.headers.get("connection") == "close":
            self._wire.close()
            self._wire = connect(self._api)
        return answer

    def _judge(self, sent: Sent, answer: Answer) -> None:
        body = answer.body
        assert answer.headers["x-request-id"]
        if answer.status in {200, 202}:
            assert (answer.status == 200) == ("batchId" not in body)
            assert body["acceptedCount"] > 0 or answer.status == 200
            self.seen["accepted" if not body["rejectedCount"] else "in part"] += 1
            check_counts(body, sent, accepted=body["acceptedCount"])
            if sent.data is not None and answer.status == 202 and not body["rejectedCount"]:
                self.to_read_back.append((body["batchId"], sent.data))
            return
        self.seen[body["error"]] += 1
        assert body["error"] in CODES, body
        assert answer.status == HTTP_STATUSES.get(ErrorCode(body["error"]), 400)
        assert body.keys() <= {"error", "message", "details"}, body
        assert 1 <= len(body["message"]) <= 2_048
        if body["error"] == "ALL_RECORDS_REJECTED":
            check_counts(body["details"], sent, accepted=0)


@pytest.mark.timeout(120 + 30 * scaled(10))
def test_every_request_over_http_gets_its_answer_and_costs_no_memory(tmp_path: Path) -> None:
    setup = run_everlake_json(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, data=tmp_path
    )
    with running_server("serve", tmp_path, SETTINGS) as server:
        api = ApiClient(server.url, setup)
        senders = [Sender(api, f"{SEED}/{number}") for number in range(THREADS)]
        memory = ProcessMemory(server)
        warm_up = int(OVER_HTTP * WARM_UP)
        send(senders, warm_up)
        warm = memory.now()
        send(senders, OVER_HTTP - warm_up)
        growth = memory.now() - warm
        to_read_back = [one for sender in senders for one in sender.to_read_back][::READ_BACK_EVERY]
        for batch_id, data in to_read_back:
            assert stored(api, batch_id) == data
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    seen = sum((sender.seen for sender in senders), Counter[str]())
    assert growth < MOST_GROWTH, seen
    assert seen.keys() == {*CODES, "accepted", "in part"}
    assert len(to_read_back) > OVER_HTTP / 1_000


def send(senders: Sequence[Sender], count: int) -> None:
    """Let all of them send at once, so many requests together."""
    threads = [
        threading.Thread(target=sender.send, args=(count // len(senders),)) for sender in senders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fault for sender in senders for fault in sender.faults] == []


def stored(api: ApiClient, batch_id: str) -> list[bytes]:
    """The texts of ``data`` that a batch brought, in the order of their arrival."""
    api.wait_until_complete(batch_id)
    answer = api.http.get("/api/v1/records", params={"batch": batch_id, "limit": 100})
    page = msgspec.json.decode(answer.content, type=Page)
    return [bytes(record.data) for record in reversed(page.records)]


class _Record(msgspec.Struct):
    data: msgspec.Raw


class Page(msgspec.Struct):
    """What is looked at of a page of records."""

    records: list[_Record]


@pytest.mark.timeout(120 + 30 * scaled(10))
def test_every_request_without_a_server_is_judged_or_refused(tmp_path: Path) -> None:
    each = (BODIES - OVER_HTTP) // PROCESSES
    folders = [tmp_path / str(number) for number in range(PROCESSES)]
    for folder in folders:
        folder.mkdir()
    seeds = [f"{SEED}/judged/{number}" for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        ended = list(processes.map(run_mutations, folders, seeds, [each] * PROCESSES))
    seen = sum(ended, Counter[str]())
    assert seen.keys() == {*CODES - NOT_JUDGED, "accepted", "in part", "refused"}
