"""What the kernel sees: every byte of a batch is synced before its 202 goes out.

The program is run under strace, which writes down each system call when it ends.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.integration.server import FAST, PRODUCT, PROJECT, Api, environment, everlake, free_port

CALLS = "fsync,fdatasync,rename,renameat,renameat2,pwrite64,write,writev,sendto,sendmsg"
REQUESTS = 4

_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")


class Call(NamedTuple):
    """A system call: where in the trace it began and ended, its name, and all that was shown."""

    began: int
    ended: int
    name: str
    text: str


class Trace(NamedTuple):
    """The calls of an API, in the order in which they ended, and the batches that it accepted."""

    calls: list[Call]
    batch_ids: list[str]

    def find(self, names: str, text: str) -> list[Call]:
        """The calls of these names that show ``text``."""
        return [call for call in self.calls if call.name in names.split() and text in call.text]

    def answer(self, batch_id: str) -> Call:
        """The write of a batch's 202 to its socket."""
        [found] = [
            call
            for call in self.find("write writev sendto sendmsg", batch_id)
            if "HTTP/1.1 202" in call.text
        ]
        return found

    def sync(self, path: str, *, after: Call, before: Call) -> Call:
        """A sync of the file at ``path`` that began after one call and ended before another."""
        found = [
            call
            for call in self.find("fsync fdatasync", f"{path}>")
            if call.text.rstrip().endswith("= 0")
            and after.ended < call.began
            and call.ended < before.began
        ]
        assert found, f"{path} is not synced between {after} and {before}"
        return found[0]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """An API that took :data:`REQUESTS` requests, one after the other."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    data = tmp_path_factory.mktemp("traced")
    made = everlake("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data)
    port = free_port()
    output = data / "trace"
    traced = subprocess.Popen(
        [
            *(strace, "--follow-forks", "--decode-fds=path", "--string-limit=64"),
            *(f"--trace={CALLS}", f"--output={output}"),
            *(sys.executable, "-m", "everlake", "api", "--port", str(port)),
        ],
        env=environment(data, FAST),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        api = Api(f"http://127.0.0.1:{port}", json.loads(made.stdout))
        _until_up(api, traced)
        # Each with a record that is refused, so that there are two landing objects.
        batch_ids = [
            api.accept([api.record(_vendor_ids={"id": str(number)}), {"broken": number}])
            for number in range(REQUESTS)
        ]
        for child in _children(traced.pid):
            os.kill(child, signal.SIGTERM)
        traced.communicate(timeout=60)
    finally:
        for child in _children(traced.pid):
            os.kill(child, signal.SIGKILL)
        traced.kill()
        traced.communicate()
    return Trace(list(_calls(output.read_text(errors="replace").splitlines())), batch_ids)


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _until_up(api: Api, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if api.http.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
        if process.poll() is not None:
            said = process.communicate()[1].decode()
            if "ptrace" in said.lower():
                pytest.skip(f"strace cannot attach here: {said.strip()}")
            raise AssertionError(said)
        assert time.monotonic() < deadline, "it does not come up"


def _calls(lines: list[str]) -> Iterator[Call]:
    """Calls of threads that overlap stand in two lines, and are put together again."""
    unfinished: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        process, text = found.groups()
        if text.endswith("<unfinished ...>"):
            unfinished[process] = (number, text.removesuffix("<unfinished ...>"))
            continue
        began = number
        resumed = _RESUMED.fullmatch(text)
        if resumed is not None and process in unfinished:
            began, before = unfinished.pop(process)
            text = before + resumed.group(2)
        yield Call(began, number, text.partition("(")[0], text)


@pytest.mark.parametrize("suffix", [".ndjson.zst", ".rejected.ndjson.zst"])
def test_each_object_is_whole_and_synced_and_then_its_directory_before_the_202(
    trace: Trace, suffix: str
) -> None:
    for batch_id in trace.batch_ids:
        answer = trace.answer(batch_id)
        [rename] = trace.find("rename renameat renameat2", f"{batch_id}{suffix}.")
        written = trace.find("write", f"/{batch_id}{suffix}.")
        assert written
        assert written[-1].ended < rename.began

        file = trace.sync(f"/{batch_id}{suffix}", after=written[-1], before=answer)
        folder = re.sub(r".*<(.*)/[^/]*>.*", r"\1", file.text)
        assert "/date=" in folder
        trace.sync(folder, after=rename, before=answer)


def test_the_row_is_written_and_synced_after_its_objects_and_before_the_202(trace: Trace) -> None:
    for batch_id in trace.batch_ids:
        answer = trace.answer(batch_id)
        objects = trace.find("fsync", f"/{batch_id}.")
        assert len(objects) == 2
        written = [
            call
            for call in trace.find("pwrite64", "/everlake.db-wal>")
            if objects[-1].ended < call.began and call.ended < answer.began
        ]
        assert written
        trace.sync("/everlake.db-wal", after=written[-1], before=answer)


def test_each_request_has_a_sync_of_its_own(trace: Trace) -> None:
    # One after the other they cannot share one, so the trace would show a sync that is missing.
    assert len(trace.batch_ids) == REQUESTS
    assert len(trace.find("fsync", ".rejected.ndjson.zst>")) == REQUESTS
    assert len(trace.find("fsync fdatasync", "/everlake.db-wal>")) >= REQUESTS
