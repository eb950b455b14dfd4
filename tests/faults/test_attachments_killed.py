"""Workers are killed while they fetch, and each file is there once with the right hash.

The servers that the files come from are slow and cut off, so that a kill finds downloads at every
stage: before the first byte, half way, whole in the spool, stored and not yet counted, read and
not yet in the lake. In the end every attachment is complete, its content is what was served, the
batches count each once, the storage has each content once, and search finds each text once.

More kills: ``make test-faults ROUNDS=300 SEED=7``.
"""

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from everlake.attachments.spooling.spool import Spool
from everlake.storage import open_store
from tests.faults.chaos_settings import SEED, scaled
from tests.faults.ledger import PRODUCT, PROJECT
from tests.support.hostile_behaviours import (
    HostileServer,
    ReceivedRequest,
    content,
    etag,
    hostile_server,
    serve_ranges,
)
from tests.support.hostile_server import CLOSE, ClientConnection, behaviour
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    run_everlake_json,
    running_server,
)

FILES = scaled(40)
KILLS = scaled(4)
PIECE = 32 * 1024
SETTINGS = {
    **NO_RATE_LIMIT,
    "EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1",
    "EVERLAKE_ATTACHMENT_IDLE_TIMEOUT": "5",
    "EVERLAKE_ATTACHMENT_ATTEMPTS": "1000",
    "EVERLAKE_MAX_ATTEMPTS": "1000",
    "EVERLAKE_RETRY_SECONDS": "0.05",
    "EVERLAKE_LEASE_SECONDS": "5",
}


@behaviour
def paced(peer: ClientConnection, request: ReceivedRequest) -> object:
    """Content by size and seed, in pieces that take their time; now and then it breaks off."""
    size, seed = int(request.path[1]), int(request.path[2])
    data, tag = content(size, seed), etag(seed)
    begin = request.range_start or 0
    if request.headers.get("if-range") != tag:
        begin = 0
    headers = {"ETag": tag, "Content-Length": str(size - begin)}
    if begin and begin >= size:
        peer.send_response(416, {"ETag": tag, "Content-Range": f"bytes */{size}"})
        return None
    if begin:
        headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
    peer.send_head(206 if begin else 200, headers)
    breaks = (
        random.Random(f"{request.target}{peer.server.request_counts[request.target]}").random()
        < 0.2
    )
    for start in range(begin, size, PIECE):
        peer.send(data[start : min(start + PIECE, size)])
        time.sleep(0.03)
        if breaks:
            return CLOSE
    return None


@behaviour
def said(peer: ClientConnection, request: ReceivedRequest) -> None:
    """A text file that says one word of its own."""
    serve_ranges(peer, request, sentence(int(request.path[1])).encode(), {"ETag": etag()})


def word(number: int) -> str:
    """A word that no other number has, of letters alone."""
    return "word" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")


def sentence(number: int) -> str:
    return f"The report about {word(number)} does not open."


class Place(NamedTuple):
    """Where a run keeps its data, and how its processes are started: a worker a directory."""

    data: Path
    env: Mapping[str, str]
    storage_url: str
    workers: tuple[Path, ...]


@pytest.fixture(params=["directory", "bucket", "machines"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    if request.param == "directory":
        yield Place(tmp_path, SETTINGS, tmp_path.as_uri(), (tmp_path,))
        return
    s3: S3Server = request.getfixturevalue("s3_server")
    url = f"s3://{s3.new_bucket()}/files"
    env = {**SETTINGS, **s3_environment(s3.url), "EVERLAKE_STORAGE_URL": url}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_environment(s3.url).items():
            patch.setenv(name, value)
        workers = (tmp_path,)
        if request.param == "machines":
            postgres: PostgresServer = request.getfixturevalue("postgres_server")
            env["EVERLAKE_DATABASE_URL"] = postgres.new_database()
            workers = tuple(tmp_path / name for name in ("one", "two"))
            for directory in workers:
                directory.mkdir()
        yield Place(tmp_path, env, url, workers)


@contextmanager
def killed(place: Place, chance: random.Random, done: Callable[[], bool]) -> Iterator[None]:
    """Kill one worker or another, again and again; all live for the length of the block."""
    workers = [EverlakeServer("worker", data, place.env) for data in place.workers]
    for worker in workers:
        worker.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(1.2, 4.0))
        one = chance.choice(workers)
        one.kill()
        one.start()
        if done():
            break
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()


def records(api: ApiClient, server: HostileServer, chance: random.Random) -> list[dict[str, Any]]:
    """Files of many sizes, some of them twice, and texts."""
    urls: list[dict[str, Any]] = []
    for number in range(FILES):
        size = chance.choice([0, 1, 5_000, 70_000, 400_000, 900_000])
        seed = chance.randrange(FILES // 2)
        urls.append({"type": "file", "vendor_url": server.url(f"paced/{size}/{seed}?n={number}")})
        urls.append(
            {
                "type": "text",
                "filename": f"{number}.txt",
                "vendor_url": server.url(f"said/{number}"),
            }
        )
    return [
        api.record(_vendor_ids={"id": str(start)}, _attachments=urls[start : start + 6])
        for start in range(0, len(urls), 6)
    ]


def expected(url: str) -> bytes:
    parts = url.split("?", maxsplit=1)[0].split("/")
    if parts[3] == "said":
        return sentence(int(parts[4])).encode()
    return content(int(parts[4]), int(parts[5]))


def test_each_file_is_there_once_whatever_was_killed(place: Place) -> None:
    chance = random.Random(SEED)
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    setup = run_everlake_json("init", *ids, data=place.data, env=place.env)
    with hostile_server() as server, running_server("api", place.data, place.env) as up:
        api = ApiClient(up.url, setup)
        sent = records(api, server, chance)
        batches = [api.accept(sent[start : start + 5]) for start in range(0, len(sent), 5)]

        def settled() -> bool:
            return all(
                api.batch(one)["status"] == "COMPLETE"
                and api.batch(one)["attachmentDownloadStatus"] == "COMPLETE"
                for one in batches
            )

        with killed(place, chance, settled):
            wait_until(settled, "every attachment is complete", timeout=150)
            listed = [one for batch_id in batches for one in all_of(api, batch_id)]
            wait_until(lambda: all_read(api, batches), "every text is in the lake", timeout=100)

        urls = [one["vendor_url"] for record in sent for one in record["_attachments"]]
        assert len(listed) == len(urls)
        for one, url in zip(listed, urls, strict=True):
            data = expected(url)
            assert (one["status"], one["size"]) == ("COMPLETE", len(data)), one
            assert one["sha256"] == hashlib.sha256(data).hexdigest(), one
        for batch_id, start in zip(batches, range(0, len(sent), 5), strict=True):
            total = sum(len(record["_attachments"]) for record in sent[start : start + 5])
            seen = api.batch(batch_id)
            assert seen["attachmentDownloadTotal"] == total
            assert (seen["attachmentDownloadComplete"], seen["attachmentDownloadFailed"]) == (
                total,
                0,
            )
        assert stored(place) == {hashlib.sha256(expected(url)).hexdigest(): 1 for url in urls}
        for number in range(FILES):
            found = api.http.get("/api/v1/search", params={"q": word(number)}).json()["results"]
            assert [hit["text"] for hit in found] == [sentence(number)], number
            assert found[0]["attachment"]["filename"] == f"{number}.txt"
    for data in place.workers:
        spool = data / "spool"
        if len(place.workers) > 1:
            # What one left behind when it was killed, another may have begun anew. It goes after
            # a day, since nobody holds it.
            Spool(spool).remove_stale(-60)
        assert list(spool.iterdir()) == []


def all_of(api: ApiClient, batch_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "100"}
    while True:
        page = json.loads(
            api.http.get(f"/api/v1/ingest/batches/{batch_id}/attachments", params=query).content
        )
        found += page["attachments"]
        if page["nextCursor"] is None:
            return found
        query["cursor"] = page["nextCursor"]


def all_read(api: ApiClient, batches: list[str]) -> bool:
    texts = [one["text"] for batch_id in batches for one in all_of(api, batch_id) if "text" in one]
    assert all(text["status"] != "FAILED" for text in texts), texts
    return all(text["status"] == "COMPLETE" for text in texts)


def stored(place: Place) -> Counter[str]:
    """How often each content lies in the storage; each is read back and hashed."""
    store = open_store(place.storage_url)
    counts: Counter[str] = Counter()
    for found in store.list("attachments"):
        name = found.path.rsplit("/", 1)[-1]
        if "/sha256=" in found.path and not name.endswith(".partial"):
            assert hashlib.sha256(store.get(found.path)).hexdigest() == name
            counts[name] += 1
    return counts
