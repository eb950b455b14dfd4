"""What the processes of a machine count, in the folder that they share.

The library keeps one place for a whole process, so each test starts processes of its own.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACCEPTED = """
import sys
from pathlib import Path
from prometheus_client import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from everlake.metrics import Metrics, acquire_slot
seat = acquire_slot(Path(sys.argv[1]), sys.argv[2])
meters = Metrics()
meters.record_batch_accepted(
    body_bytes=1, accepted=int(sys.argv[3]), attachments=0, rejected=0, rejected_by_code={}
)
print(seat and seat.name, flush=True)
for line in sys.stdin:
    page = generate_latest(MultiProcessCollector(None, str(seat.directory))).decode()
    name = "everlake_records_accepted_total "
    print(*(l[len(name):] for l in page.splitlines() if l.startswith(name)), flush=True)
"""

EVERY_SERIES = """
import sys
from pathlib import Path
from everlake.api.app import _ROUTES
from everlake.metrics import Metrics, acquire_slot
from everlake.metrics.registry import UNMATCHED_ROUTE
seat = acquire_slot(Path(sys.argv[1]), "api")
sizes = lambda: {path.name: path.stat().st_size for path in Path(sys.argv[1]).glob("*.db")}
before = sizes()
meters = Metrics()
routes = [UNMATCHED_ROUTE, *(path for route in _ROUTES for path in route.paths)]
for route in routes:
    for status in (200, 202, 204, 400, 401, 403, 404, 405, 413, 415, 429, 500, 503):
        meters.record_response(route, status, 0.5)
print(len(routes), before == sizes())
"""


class Counting:
    """A process that sits and has accepted some records."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.seat = process.stdout.readline().strip()

    def sees(self) -> float:
        """The records that all have accepted, as this process tells."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def counting(folder: Path, role: str, accepted: int) -> Iterator[Counting]:
    process = subprocess.Popen(
        [sys.executable, "-c", ACCEPTED, str(folder), role, str(accepted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Counting(process)
    finally:
        process.kill()
        process.wait()


def test_any_process_tells_the_counts_of_all(tmp_path: Path) -> None:
    with (
        counting(tmp_path, "api", 1) as one,
        counting(tmp_path, "api", 20) as other,
        counting(tmp_path, "worker", 300) as worker,
    ):
        assert [one.seat, other.seat, worker.seat] == ["api-0", "api-1", "worker-0"]
        assert [one.sees(), other.sees(), worker.sees()] == [321.0] * 3


def test_who_takes_the_seat_of_a_dead_process_goes_on_with_its_counts(tmp_path: Path) -> None:
    with counting(tmp_path, "api", 1) as one, counting(tmp_path, "api", 20) as other:
        one.kill()
        assert other.sees() == 21.0
        with counting(tmp_path, "api", 300) as third:
            assert third.seat == "api-0"
            assert other.sees() == 321.0


def test_who_comes_when_all_are_gone_starts_at_zero(tmp_path: Path) -> None:
    with counting(tmp_path, "api", 1), counting(tmp_path, "worker", 20):
        pass
    with counting(tmp_path, "worker", 300) as worker:
        assert worker.sees() == 300.0
    assert len(list(tmp_path.glob("*.seat"))) == 1


def test_files_torn_by_a_power_cut_are_cleared(tmp_path: Path) -> None:
    with counting(tmp_path, "api", 1):
        pass
    for path in tmp_path.glob("*.db"):
        path.write_bytes(b"\xff" * 4_096)
    with counting(tmp_path, "api", 20) as one:
        assert one.sees() == 20.0


@pytest.mark.parametrize("hindrance", ["a file in its place", "a full disk"])
def test_a_process_that_cannot_count_with_the_others_counts_alone(
    tmp_path: Path, hindrance: str
) -> None:
    folder = tmp_path / "metrics"
    if hindrance == "a file in its place":
        folder.touch()
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from everlake.metrics import Metrics, acquire_slot\n"
        "if sys.argv[2] == 'a full disk':\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "assert acquire_slot(Path(sys.argv[1]), 'api') is None\n"
        "meters = Metrics(); meters.record_response('/', 200, 1.0)\n"
        "print(meters.registry.get_sample_value('everlake_http_requests_total', "
        "{'route': '/', 'status': '200'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), hindrance],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "1.0"
    assert "counted alone" in done.stdout + done.stderr
    assert not (folder / "histogram_api-0.db").exists()


def test_the_files_have_room_for_every_series_from_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY_SERIES, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    routes, fits = done.stdout.split()
    assert int(routes) > 15
    assert fits == "True"
