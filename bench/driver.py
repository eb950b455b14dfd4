"""The load: a process of its own that posts bodies over kept-alive connections.

``python -m bench.driver`` reads a :class:`Plan` as JSON and prints a :class:`Load`.
"""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import msgspec

from bench.client import Connection, RequestBody

_HEAD_START_SECONDS = 0.2


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send.

    The bodies are sent in turn until there were ``requests``. Without a ``rate`` each connection
    sends as soon as it has an answer. With one, request n is due n / ``rate`` seconds after the
    start, and its time counts from then, however late it could be sent: a server that stalls
    cannot hide behind requests that were never made. ``expect`` must be in each answer's body.
    Where there are ``api_keys``, they are used in turn, and with ``idempotent`` each request has
    an idempotency key of its own.
    """

    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]
    requests: int
    connections: int
    rate: float | None = None
    status: int = 202
    expect: str = ""
    api_keys: list[str] = []
    idempotent: bool = False


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Times are seconds; ``started_at`` is Unix time.

    ``latencies`` and ``finished`` (seconds after the start) are in the order of the requests;
    ``cpu`` is the processor time of the driver itself.
    """

    started_at: float
    seconds: float
    cpu: float
    latencies: list[float]
    finished: list[float]

    def quantile(self, share: float) -> float:
        """The time that ``share`` of the answers did not pass."""
        return quantile(self.latencies, share)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not pass."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run_load(
    port: int,
    path: str,
    headers: Mapping[str, str],
    files: Sequence[Path],
    *,
    requests: int | None = None,
    connections: int = 8,
    rate: float | None = None,
    status: int = 202,
    expect: str = "",
    api_keys: Sequence[str] = (),
    idempotent: bool = False,
) -> LoadResult:
    """Run a plan in a process of its own; ``requests`` is as many as files by default.

    Raises:
        RuntimeError: an answer was not the expected one; the message has it.
    """
    plan = LoadPlan(
        port=port,
        path=path,
        headers=dict(headers),
        bodies=[str(file) for file in files],
        requests=len(files) if requests is None else requests,
        connections=connections,
        rate=rate,
        status=status,
        expect=expect,
        api_keys=list(api_keys),
        idempotent=idempotent,
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.driver"],
        check=False,
        capture_output=True,
        input=msgspec.json.encode(plan),
    )
    if done.returncode:
        raise RuntimeError(f"the load driver failed: {done.stderr.decode().strip()[-2_000:]}")
    return msgspec.json.decode(done.stdout, type=LoadResult)


def post_all(plan: LoadPlan) -> LoadResult:
    """Carry out a plan."""
    bodies = [RequestBody(plan.path, plan.headers, Path(name)) for name in plan.bodies]
    latencies = [0.0] * plan.requests
    finished = [0.0] * plan.requests
    position = count()
    faults: list[BaseException] = []
    started = time.perf_counter() + _HEAD_START_SECONDS
    started_at = time.time() + _HEAD_START_SECONDS

    def run() -> None:
        connection = Connection(plan.port)
        while (number := next(position)) < plan.requests and not faults:
            due = started if plan.rate is None else started + number / plan.rate
            now = time.perf_counter()
            if now < due:
                time.sleep(due - now)
            begun = time.perf_counter() if plan.rate is None else due
            try:
                answer = connection.post(bodies[number % len(bodies)], _unique_bodies(plan, number))
            except OSError as fault:
                faults.append(fault)
                return
            ended = time.perf_counter()
            if answer.status != plan.status or plan.expect.encode() not in answer.body:
                text = answer.body[:1_000].decode(errors="replace")
                faults.append(RuntimeError(f"request {number}: {answer.status} {text}"))
                return
            latencies[number] = ended - begun
            finished[number] = ended - started

    threads = [threading.Thread(target=run) for _ in range(plan.connections)]
    cpu = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return LoadResult(
        started_at=started_at,
        seconds=max(finished),
        cpu=time.process_time() - cpu,
        latencies=latencies,
        finished=finished,
    )


def _unique_bodies(plan: LoadPlan, number: int) -> bytes:
    """The header lines of one request that the others do not have."""
    lines = ""
    if plan.api_keys:
        lines += f"x-api-key: {plan.api_keys[number % len(plan.api_keys)]}\r\n"
    if plan.idempotent:
        lines += f"idempotency-key: {uuid.uuid4()}\r\n"
    return lines.encode()


def main() -> None:
    """Read a plan from standard input, carry it out, print what came back."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=LoadPlan)
    sys.stdout.buffer.write(msgspec.json.encode(post_all(plan)))


if __name__ == "__main__":
    main()
