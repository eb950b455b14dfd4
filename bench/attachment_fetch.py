"""A batch with attachments, through the program as it is run, and what its worker uses for it."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from bench.bodies import PRODUCT, PROJECT
from bench.processes import SERVER_SETTINGS, cpu_seconds, resident_bytes
from everlake.catalog import attachments, batches
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.contract.attachments import AttachmentStatus
from everlake.settings import load
from tests.support.processes import pid_of
from tests.support.server import ApiClient, EverlakeServer, run_everlake_json, running_server

_PER_RECORD = 10
"""Attachments of a record: the contract's most."""
_SAMPLE_SECONDS = 0.02
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 0.5
_QUIET_SAMPLES = 3
_TIMEOUT = 900.0


class PeakMemory(msgspec.Struct, kw_only=True):
    """Resident memory at its highest, bytes: of the worker, and of the processes below it."""

    worker: int = 0
    children: int = 0
    together: int = 0


class FetchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One batch.

    ``seconds`` go from the first attachment that was claimed to the last that was stored and
    counted, as the catalog has it; ``cpu`` is the worker's in that time, its children's included.
    ``started`` is its memory before it had anything to do, ``idle`` when it has landed and
    analysed a batch without attachments, and ``highest`` while it worked.
    """

    seconds: float
    cpu: float
    started: int
    idle: int
    highest: PeakMemory


class MemorySampler:
    """Samples the memory of a process and of all below it while a block runs."""

    def __init__(self, pid: int) -> None:
        self.highest = PeakMemory()
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        # The kernel's own high-water mark begins anew (proc(5)).
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        highest = self.highest
        while not self._stop.wait(_SAMPLE_SECONDS):
            own, *others = map(resident_bytes, process_tree(self._pid))
            highest.children = max(highest.children, sum(others))
            highest.together = max(highest.together, own + sum(others))
            highest.worker = max(highest.worker, own, resident_bytes(self._pid, "VmHWM"))
        highest.together = max(highest.together, highest.worker)


def process_tree(pid: int) -> list[int]:
    """A process and all that come from any of its threads."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                below = (task / "children").read_text().split()
                found += [one for child in below for one in process_tree(int(child))]
    return found


def measure_fetch(
    urls: Sequence[str], size: int, env: Mapping[str, str], data: Path
) -> FetchResult:
    """Let a fresh server take in one batch whose attachments are ``urls``.

    Args:
        urls: each leads to a file of ``size`` bytes, all of them different.
        size: of a file, which the records state.
        env: settings, beside those of every measured server.
        data: its data directory, empty.

    Raises:
        RuntimeError: an attachment failed, or they are not in time.
    """
    env = {**SERVER_SETTINGS, "EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1", **env}
    setup = run_everlake_json("init", "--product-id", PRODUCT, "--project-id", PROJECT, data=data)
    with running_server("api", data, env) as server, running_server("worker", data, env) as worker:
        catalog = open_catalog(load({"data": str(data)}, environ=env).catalog_url)
        api = ApiClient(server.url, setup)
        try:
            started = _wait_until_quiet(worker)
            api.wait_until_complete(
                api.accept([api.record(_vendor_ids={"id": str(n)}) for n in range(100)])
            )
            idle = _wait_until_quiet(worker)
            # What lies in memory of earlier writing is not this one's to wait for.
            os.sync()
            pids = process_tree(pid_of(worker))
            cpu = sum(map(cpu_seconds, pids))
            with MemorySampler(pid_of(worker)) as watched:
                batch_id = api.accept(_records(api, urls, size))
                seconds = _wait_until_stored(
                    catalog, setup["workspace_id"], batch_id, len(urls), size
                )
            cpu = sum(map(cpu_seconds, pids)) - cpu
        finally:
            api.http.close()
            catalog.close()
    return FetchResult(
        seconds=seconds, cpu=cpu, started=started, idle=idle, highest=watched.highest
    )


def _records(api: ApiClient, urls: Sequence[str], size: int) -> list[dict[str, Any]]:
    files = [
        {
            "type": "file",
            "filename": f"{number}.bin",
            "size": size,
            "mime_type": "application/octet-stream",
            "vendor_url": url,
        }
        for number, url in enumerate(urls)
    ]
    return [
        api.record(_vendor_ids={"id": f"with-{at}"}, _attachments=files[at : at + _PER_RECORD])
        for at in range(0, len(files), _PER_RECORD)
    ]


def _wait_until_quiet(worker: EverlakeServer) -> int:
    """The worker's resident memory, its children's included, when it has nothing to do."""
    pid = pid_of(worker)
    deadline = time.monotonic() + _TIMEOUT
    before, quiet = 0.0, 0
    while quiet < _QUIET_SAMPLES:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker never has nothing to do")
        time.sleep(_QUIET_SECONDS)
        now = sum(map(cpu_seconds, process_tree(pid)))
        quiet = quiet + 1 if now - before < _QUIET_SECONDS * 0.1 else 0
        before = now
    return sum(map(resident_bytes, process_tree(pid)))


def _wait_until_stored(
    catalog: Catalog, workspace_id: str, batch_id: str, count: int, size: int
) -> float:
    """Seconds from the first claim to the last one counted."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        with catalog.snapshot() as tx:
            batch = batches.get(tx, workspace_id, batch_id)
        if batch is not None and batch.attachment_failed:
            raise RuntimeError(f"{batch.attachment_failed} attachments failed")
        if batch is not None and batch.attachment_complete == count:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"not stored within {_TIMEOUT:g} s: {batch}")
        time.sleep(_POLL_SECONDS)
    with catalog.snapshot() as tx:
        rows = attachments.page(tx, batch_id, limit=count + 1)
    assert all(row.status is AttachmentStatus.COMPLETE and row.size == size for row in rows)
    assert len({row.sha256 for row in rows}) == count
    assert batch.attachment_begun_at is not None
    return (max(row.completed_at or 0 for row in rows) - batch.attachment_begun_at) / 1000
