"""Clients that send overlapping records and insist on their 202, whatever happens to the server."""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import httpx

from tests.faults.ledger import Ledger, SentRecord, body_of

NAMES = 200
"""How many records all clients share."""
_SIZES = (1, 1, 2, 5, 20, 60)
_FORMS = (
    '{{"text":"{word} was said"}}',
    '{{ "text" : "{word} was said",\n\t"price": 1.50, "none":null}}\r\n',
    '{{"text":"{word} was said, caf\\u00e9, café 😀","nested":{{"a":[1e2,-0.0,{{}}]}}}}',
    '{{"text":"{word}\\n\\"was\\" said", "same":1, "same":2}}',
)
_REFUSED = ('{"_type" : "fax"}', "17", '{"data":{"n":1.50}, "é":"\\u00e9"}')
_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 120.0
_READ_SHARE = 0.1
"""Of the batches, as many are looked at after their 202."""
_ERROR_MEMBERS = {"error", "message", "details"}


class Clients:
    """Threads that send until they are told to stop, and note every 202 in the ledger.

    Args:
        url: the server's; or those of several nodes, which are used in turn.
        api_key: of the workspace.
        ledger: takes the promises.
        seed: decides what is sent; two with the same seed would send the same.
        count: how many threads.
        timeout: seconds to wait for an answer before the request is sent again.
        only_202: whether any other answer is wrong, and no answer as well.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        api_key: str,
        ledger: Ledger,
        seed: int,
        count: int = 4,
        *,
        timeout: float = 10.0,
        only_202: bool = False,
    ) -> None:
        self._urls = [url] if isinstance(url, str) else list(url)
        self._key = api_key
        self._timeout = timeout
        self._only_202 = only_202
        self._ledger = ledger
        self._seed = seed
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, random.Random(f"{seed}/{number}")))
            for number in range(count)
        ]
        self.errors: list[BaseException] = []

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when every client has got the 202 of its last request."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self, client: int, chance: random.Random) -> None:
        try:
            with httpx.Client(
                headers={"x-api-key": self._key, "content-type": "application/json"},
                timeout=self._timeout,
                trust_env=False,
            ) as http:
                nodes = cycle(self._urls[client % len(self._urls) :] + self._urls)
                turn = 0
                while not self._stop.is_set():
                    turn += 1
                    records = _records(f"{self._seed}x{client}x{turn}", chance)
                    refused = _rejected_texts(chance)
                    body = body_of(records, refused)
                    key = f"{self._seed}-{client}-{turn}"
                    answer = self._send_until_answered(http, nodes, key, body)
                    assert answer["rejectedCount"] == len(refused)
                    batch_id = str(answer["batchId"])
                    self._ledger.write(batch_id, records, refused, key=key, client=client)
                    if chance.random() < _READ_SHARE:
                        self._poll_batch(http, next(nodes), batch_id, len(records))
                    time.sleep(chance.uniform(0, _PAUSE_SECONDS))
        except BaseException as error:  # noqa: BLE001 - looked at by the test, in its own thread
            self.errors.append(error)

    def _send_until_answered(
        self, http: httpx.Client, nodes: Iterator[str], key: str, body: bytes
    ) -> Mapping[str, object]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            url = f"{next(nodes)}/api/v1/ingest"
            try:
                answer = http.post(url, content=body, headers={"idempotency-key": key})
            except httpx.TransportError:
                if self._only_202:
                    raise
                assert time.monotonic() < deadline, "the server does not come back"
            else:
                if answer.status_code == 202:
                    return answer.json()
                assert not self._only_202, answer.text
                check_unavailable(answer)
                assert time.monotonic() < deadline, answer.text
            time.sleep(0.02)

    def _poll_batch(self, http: httpx.Client, node: str, batch_id: str, accepted: int) -> None:
        """A batch that has its 202 is known to every node at once."""
        try:
            answer = http.get(f"{node}/api/v1/ingest/batches/{batch_id}")
        except httpx.TransportError:
            assert not self._only_202
            return
        if answer.status_code != 200:
            assert not self._only_202, answer.text
            check_unavailable(answer)
            return
        batch = answer.json()
        assert (batch["batchId"], batch["acceptedCount"]) == (batch_id, accepted), batch


def check_unavailable(answer: httpx.Response) -> None:
    """The one error that a client may see while something is away, as the contract has it."""
    assert answer.status_code == 503, answer.text
    error = answer.json()
    assert error["error"] == "UNAVAILABLE", error
    assert 0 < len(error["message"]) <= 2_048, error
    assert error.keys() <= _ERROR_MEMBERS, error
    assert int(answer.headers["retry-after"]) > 0, answer.headers


def _records(request: str, chance: random.Random) -> list[SentRecord]:
    records: list[SentRecord] = []
    for index in range(chance.choice(_SIZES)):
        word = f"word{request}x{index}"
        data = chance.choice(_FORMS).format(word=word).strip()
        records.append(SentRecord(f"record-{chance.randrange(NAMES)}", word, data))
    return records


def _rejected_texts(chance: random.Random) -> Sequence[str]:
    return chance.choices(_REFUSED, k=2) if chance.random() < 0.1 else []
