"""Clients that send overlapping records and insist on their 202, whatever happens to the server."""

import random
import threading
import time
from collections.abc import Mapping, Sequence

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


class Clients:
    """Threads that send until they are told to stop, and note every 202 in the ledger.

    Args:
        url: the server's.
        api_key: of the workspace.
        ledger: takes the promises.
        seed: decides what is sent; two with the same seed would send the same.
        count: how many threads.
    """

    def __init__(self, url: str, api_key: str, ledger: Ledger, seed: int, count: int = 4) -> None:
        self._url = url
        self._key = api_key
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
                base_url=self._url,
                headers={"x-api-key": self._key, "content-type": "application/json"},
                timeout=10,
                trust_env=False,
            ) as http:
                turn = 0
                while not self._stop.is_set():
                    turn += 1
                    records = _records(f"{self._seed}x{client}x{turn}", chance)
                    refused = _refused(chance)
                    body = body_of(records, refused)
                    key = f"{self._seed}-{client}-{turn}"
                    answer = self._insist(http, key, body)
                    assert answer["rejectedCount"] == len(refused)
                    batch_id = str(answer["batchId"])
                    self._ledger.write(batch_id, records, refused, key=key, client=client)
                    time.sleep(chance.uniform(0, _PAUSE_SECONDS))
        except BaseException as error:  # noqa: BLE001 - looked at by the test, in its own thread
            self.errors.append(error)

    def _insist(self, http: httpx.Client, key: str, body: bytes) -> Mapping[str, object]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = http.post("/api/v1/ingest", content=body, headers={"idempotency-key": key})
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the server does not come back"
            else:
                if answer.status_code == 202:
                    return answer.json()
                assert answer.status_code == 503, answer.text
            time.sleep(0.02)


def _records(request: str, chance: random.Random) -> list[SentRecord]:
    records: list[SentRecord] = []
    for index in range(chance.choice(_SIZES)):
        word = f"word{request}x{index}"
        data = chance.choice(_FORMS).format(word=word).strip()
        records.append(SentRecord(f"record-{chance.randrange(NAMES)}", word, data))
    return records


def _refused(chance: random.Random) -> Sequence[str]:
    return chance.choices(_REFUSED, k=2) if chance.random() < 0.1 else []
