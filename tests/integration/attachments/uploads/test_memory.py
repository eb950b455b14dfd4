"""Server and client transfer files that are far larger than their memory."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from everlake.storage import open_store
from tests.support.api_workspaces import running_api
from tests.support.processes import pid_of
from tests.support.server import NO_RATE_LIMIT
from tests.support.uploads import UploadFixture, announce, stored_attachment

MIB = 1024 * 1024
SIZE = 300 * MIB
MAX_MEMORY = 100 * MIB
"""Upper bound of the additional memory; request bodies alone may use 64 MiB."""

_SEND = """
import resource, sys
from pathlib import Path
from everlake.client import Client
with Client(sys.argv[1], sys.argv[2]) as client:
    client.upload(Path(sys.argv[4]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.upload(Path(sys.argv[3]))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[UploadFixture]:
    data = tmp_path_factory.mktemp("memory")
    with running_api("api", data, NO_RATE_LIMIT) as home:
        yield UploadFixture(home, open_store(data.as_uri()), direct=False)


def pieces() -> Iterator[bytes]:
    piece = os.urandom(MIB)
    for number in range(SIZE // MIB):
        yield number.to_bytes(8, "big") + piece[8:]


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of a process since the last reset, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def reset_peak_memory(pid: int) -> int:
    """Reset the peak, and return the present resident memory (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_memory(pid)


def test_the_server_needs_little_memory_for_an_upload(place: UploadFixture) -> None:
    api = place.home.workspace()
    upload = announce(api, SIZE)
    pid = pid_of(place.home.server)
    before = reset_peak_memory(pid)
    answer = api.http.put(
        upload["whole"]["url"], content=pieces(), headers={"content-length": str(SIZE)}
    )
    assert answer.json()["status"] == "COMPLETE"
    assert peak_memory(pid) - before < MAX_MEMORY


def test_the_server_needs_little_memory_for_a_download(place: UploadFixture) -> None:
    api = place.home.workspace()
    content = b"".join(pieces())
    attachment_id = stored_attachment(place, api, content)
    digest = hashlib.sha256(content).hexdigest()
    del content
    pid = pid_of(place.home.server)
    before = reset_peak_memory(pid)
    received = hashlib.sha256()
    with api.http.stream("GET", f"/api/v1/attachments/{attachment_id}/content") as answer:
        for piece in answer.iter_bytes():
            received.update(piece)
    assert received.hexdigest() == digest
    assert peak_memory(pid) - before < MAX_MEMORY


def test_the_client_needs_little_memory_for_an_upload(place: UploadFixture, tmp_path: Path) -> None:
    api = place.home.workspace()
    large, small = tmp_path / "large", tmp_path / "small"
    small.write_bytes(b"x" * 9 * MIB)
    with large.open("wb") as file:
        file.writelines(pieces())
    arguments = [api.url, api.setup["api_key"], str(large), str(small)]
    run = subprocess.run(
        [sys.executable, "-c", _SEND, *arguments], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 30 * MIB
