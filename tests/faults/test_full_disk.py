"""A disk that fills up, and is freed again: on a small file system of its own."""

import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from everlake.landing.compression import decompress
from everlake.storage import disk_reserve
from tests.faults.checker import problems
from tests.faults.ledger import PRODUCT, PROJECT, Ledger, SentRecord, body_of
from tests.support.hostile_behaviours import HostileServer, hostile_server
from tests.support.server import NO_RATE_LIMIT, ApiClient, EverlakeServer, run_everlake
from tests.support.uploads import announce, send_content

MEGABYTE = 1024 * 1024
SIZE = 120 * MEGABYTE
BALLAST = 88 * MEGABYTE
IMPATIENT = {
    **NO_RATE_LIMIT,
    # A batch would be given up within the second, if a full disk were counted against it.
    "EVERLAKE_MAX_ATTEMPTS": "2",
    "EVERLAKE_RETRY_SECONDS": "0.1",
    "EVERLAKE_LEASE_SECONDS": "1",
}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of :data:`SIZE` bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"mounting needs rights that this user lacks: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def random_records(chance: random.Random, turn: int) -> list[SentRecord]:
    """About a megabyte that hardly gets smaller, in which little is said."""
    records: list[SentRecord] = []
    for index in range(4):
        word = f"word{turn}x{index}"
        noise = ",".join(str(chance.getrandbits(60)) for _ in range(13_000))
        data = f'{{"text":"{word} was said","noise":[{noise}]}}'
        records.append(SentRecord(f"record-{turn}-{index}", word, data))
    return records


def fill(file: Path) -> None:
    """Take the last byte that is free."""
    with file.open("ab", buffering=0) as ballast:
        for size in (MEGABYTE, 4096, 1):
            try:
                while True:
                    ballast.write(b"\0" * size)
            except OSError:
                continue


def landing_files(data: Path) -> list[Path]:
    return [path for path in (data / "landing").rglob("*") if path.is_file()]


def statuses(api: ApiClient, ledger: Ledger) -> set[str]:
    return {api.batch(batch_id)["status"] for batch_id in ledger.batches}


def until_unavailable(api: ApiClient, ledger: Ledger) -> httpx.Response:
    """Send until a request gets no 202; its answer."""
    chance = random.Random(0)
    for turn in range(200):
        records = random_records(chance, turn)
        answer = api.post(body_of(records))
        if answer.status_code != 202:
            return answer
        ledger.write(answer.json()["batchId"], records)
    raise AssertionError("the disk does not fill up")


def leave(disk: Path, free: int) -> None:
    """Make so many bytes free, as far as others do not take or free some meanwhile."""
    ballast = disk / "ballast"
    ballast.touch()
    with ballast.open("r+b") as file:
        status = os.statvfs(disk)
        excess = status.f_bavail * status.f_frsize - free
        size = os.fstat(file.fileno()).st_size
        if excess > 0:
            os.posix_fallocate(file.fileno(), size, excess)
        else:
            file.truncate(size + excess)


def wait_for(condition: Callable[[], bool], hold: Callable[[], None] = lambda: None) -> None:
    """Wait until a condition holds, and call ``hold`` meanwhile."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        hold()
        time.sleep(0.1)


def test_files_stop_before_records_and_go_on_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    data = small_disk / "data"
    made = run_everlake(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data
    )
    server = EverlakeServer("serve", data, {**IMPATIENT, "EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1"})
    server.log_path = tmp_path / "serve.log"
    server.start()
    try:
        with hostile_server() as files:
            check_files_and_records(
                ApiClient(server.url, json.loads(made.stdout)), files, small_disk
            )
    finally:
        assert server.stop() == 0


def check_files_and_records(api: ApiClient, files: HostileServer, disk: Path) -> None:
    reserve = int(SIZE * disk_reserve.LARGEST_SHARE)
    url = files.url("file/1000")
    # Makes the tables, which later batches only add to.
    api.wait_until_complete(api.accept([api.record()]))
    upload = announce(api, 4)

    leave(disk, reserve - MEGABYTE)
    wait_for(lambda: api.http.post("/api/v1/uploads", json={"size": 1}).status_code == 503)
    refused = send_content(api, upload["whole"], b"part")
    assert refused.status_code == 503, refused.text
    assert "full" in refused.json()["message"]
    attached = [{"type": "file", "vendor_url": url}]
    batch_id = api.accept([api.record(_vendor_ids={"id": "2"}, _attachments=attached)])
    api.wait_until_complete(batch_id)
    wait_for(lambda: "downloads wait for storage" in (disk.parent / "serve.log").read_text())
    assert api.http.get("/readyz").is_success
    assert files.request_counts.total() == 0

    hold = partial(leave, disk, int(reserve * disk_reserve.RECORD_SHARE) - 100_000)
    hold()
    wait_for(lambda: api.post([api.record()]).status_code == 503, hold)
    wait_for(lambda: api.http.get("/readyz").status_code == 503, hold)
    assert "nearly full" in api.http.get("/readyz").json()["details"]["storage"]
    assert api.batch(batch_id)["attachmentDownloadFailed"] == 0

    os.truncate(disk / "ballast", 0)
    wait_for(lambda: api.batch(batch_id)["attachmentDownloadComplete"] == 1)
    assert files.request_counts.total() == 1
    wait_for(lambda: api.http.get("/readyz").is_success)
    assert send_content(api, upload["whole"], b"part").status_code == 200
    api.wait_until_complete(api.accept([api.record()]))


def test_a_full_disk_stops_nothing_for_good_and_loses_nothing(
    small_disk: Path, tmp_path: Path
) -> None:
    data = small_disk / "data"
    made = run_everlake(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data
    )
    setup = json.loads(made.stdout)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * BALLAST)
    ledger = Ledger()
    server = EverlakeServer("serve", data, IMPATIENT)
    server.log_path = tmp_path / "serve.log"
    server.start()
    try:
        api = ApiClient(server.url, setup)
        refused = until_unavailable(api, ledger)

        assert refused.status_code == 503, refused.text
        assert refused.json()["error"] == "UNAVAILABLE"
        assert "full" in refused.json()["message"]
        assert int(refused.headers["retry-after"]) >= 1
        assert len(ledger.batches) > 3

        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            fill(ballast)  # whatever the server frees, so that it has no room for seconds
            assert api.http.get("/healthz").is_success
            time.sleep(0.1)
        ready = api.http.get("/readyz")
        assert ready.status_code == 503
        assert "disk" in ready.json()["message"]
        assert "full" in ready.json()["message"]
        for file in landing_files(data):
            if not file.name.endswith(".partial"):
                decompress(file.read_bytes())
        assert "FAILED" not in statuses(api, ledger)

        os.truncate(ballast, 0)
        api.wait_until_complete(*ledger.batches, within=90)
        assert api.http.get("/readyz").is_success
        records = random_records(random.Random(1), 1_000)
        batch_id = api.accept(body_of(records))
        ledger.write(batch_id, records)
        api.wait_until_complete(batch_id)
    finally:
        assert server.stop() == 0
    assert problems(data, setup["workspace_id"], ledger) == []
    assert not any(file.name.endswith(".partial") for file in landing_files(data))
