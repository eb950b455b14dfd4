"""A real file system loses its power under a loaded server, again and again.

The data directory lies on an ext4 of its own, which is told to go down as if the power were cut
(``EXT4_IOC_SHUTDOWN`` without flushing its journal), in the instant in which all processes stop:
from then on nothing reaches its disk. Then they are killed, the file system mounted again, and the
server started. In one mode it writes the names of files before their bytes, which leaves torn ones.
"""

import fcntl
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.chaos_settings import SEED, scaled
from tests.faults.checker import problems, promise_problems
from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger
from tests.faults.recording import BUSY
from tests.support.processes import freeze_tree, kill_tree, wait_until
from tests.support.server import ApiClient, EverlakeServer, run_everlake_json

CUTS = scaled(4)
SIZE = 1024 * 1024 * 1024
MODES = ("data=writeback,commit=1", "data=ordered")

_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class Disk:
    """An ext4 in a file, and where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self.mounted = folder / "mounted"
        self._file = folder / "disk"
        self.mounted.mkdir()
        with self._file.open("wb") as file:
            file.truncate(SIZE)
        made = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if made is None:
            pytest.skip("mkfs.ext4 is not installed")
        subprocess.run([made, "-q", self._file], check=True)

    def mount(self, mode: str) -> None:
        """Make it ready; what its journal has is taken in."""
        done = subprocess.run(
            ["mount", "-o", f"loop,{mode}", self._file, self.mounted],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"mounting needs rights that this user lacks: {done.stderr.strip()}")

    def cut(self) -> None:
        """Let nothing more reach the disk."""
        descriptor = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Let go of it, once nobody has a file of it open."""
        command = ["umount", self.mounted]
        wait_until(
            lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0,
            "somebody holds the disk",
        )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    subprocess.run(["umount", "--lazy", disk.mounted], check=False, capture_output=True)


@pytest.mark.timeout(120 + 60 * CUTS)
def test_nothing_that_was_promised_is_lost_when_the_power_is_cut(
    disk: Disk, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    disk.mount(MODES[0])
    data = disk.mounted / "data"
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    setup = run_everlake_json("init", *ids, data=data)
    ledger = Ledger()
    server = EverlakeServer("serve", data, BUSY)
    server.log_path = tmp_path / "serve.log"
    server.start()
    clients = Clients(server.url, setup["api_key"], ledger, SEED)
    clients.start()
    try:
        for number in range(CUTS):
            before = len(ledger.batches)
            wait_until(
                lambda before=before: len(ledger.batches) > before + 20, "nothing is accepted"
            )
            time.sleep(chance.uniform(0, 3))
            # First the processors: a sync that the cut meets may succeed with its bytes lost, on
            # ext4 with pages that have no blocks yet, and the 202 would leave a dead machine.
            freeze_tree(server)
            disk.cut()
            kill_tree(server)
            disk.unmount()
            disk.mount(MODES[(number + 1) % len(MODES)])
            assert promise_problems(data, setup["workspace_id"], ledger) == []
            server.start()
        clients.stop()
        assert clients.errors == []
        api = ApiClient(server.url, setup)
        api.wait_until_complete(*ledger.batches)
        assert problems(data, setup["workspace_id"], ledger, api) == []
        assert server.stop() == 0
    finally:
        clients.stop()
        server.kill()
