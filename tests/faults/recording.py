"""All that a real server did to its disk, from the first command to a quiet end, and its promises.

Clients send while it works, its worker is killed on the way, it is stopped and started again, and
in the end its lake is rebuilt. All of it is kept in a folder, to be looked at again.
"""

import json
import os
import re
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger, SentRecord, body_of
from tests.faults.replay import CALLS, Moment, moments
from tests.faults.strace import (
    EVERLAKE,
    Call,
    Tracer,
    program_output,
    read_calls,
    skip_where_not_allowed,
    strace_output,
    traced_pids,
)
from tests.support.processes import kill, processes_by_role, wait_until
from tests.support.server import NO_RATE_LIMIT, ApiClient, environment, free_port

BUSY = {**NO_RATE_LIMIT, "EVERLAKE_UPKEEP_SECONDS": "0.2", "EVERLAKE_RETRY_SECONDS": "0.2"}
_BUFFERS = 1 << 28
_REQUESTS = 40
_MANY = 3_000
_BULK = 1_000
_PROMISES = ("batches", "refused", "keys", "clients")
_ANSWERING = {"write", "writev", "sendto", "sendmsg"}
_ANSWER = re.compile(r'HTTP/1\.1 202.*?\\"batchId\\":\\"([0-9a-f-]{36})\\"', re.DOTALL)


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    Args:
        data: the data directory as it is at the end.
        setup: what ``init`` said.
        ledger: every promise.
        moments: what was done to the disk, and every answer, in their order.
        answered: where in ``moments`` a batch's 202 began to be sent.
    """

    data: Path
    setup: dict[str, str]
    ledger: Ledger
    moments: list[Moment]
    answered: dict[str, int]

    def promised(self, moment: int) -> set[str]:
        """The batches whose 202 had begun to go out."""
        return {batch_id for batch_id, at in self.answered.items() if at <= moment}


def record(folder: Path, seed: int) -> Recording:
    """Run a server under strace, with clients that send what ``seed`` decides."""
    folder.mkdir(exist_ok=True)
    data = folder / "data"
    tracer = Tracer(f"{CALLS},sendto,sendmsg", _BUFFERS)
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    setup = json.loads(_command(tracer, folder / "1.trace", data, "init", *ids, "--json"))
    ledger = Ledger()
    _session(tracer, folder / "2.trace", data, setup, ledger, seed)
    _session(tracer, folder / "3.trace", data, setup, ledger, seed + 1)
    _command(tracer, folder / "4.trace", data, "lake", "rebuild")
    promises = {name: getattr(ledger, name) for name in _PROMISES}
    kept = {"setup": setup, **promises}
    (folder / "promises.json").write_text(json.dumps(kept, default=asdict))
    return load(folder)


def load(folder: Path) -> Recording:
    """A recording that lies in the folder in which it was made."""
    kept = json.loads((folder / "promises.json").read_text())
    ledger = Ledger(
        batches={
            batch_id: [SentRecord(**record) for record in records]
            for batch_id, records in kept["batches"].items()
        },
        refused=kept["refused"],
        keys=kept["keys"],
        clients={int(client): sent for client, sent in kept["clients"].items()},
    )
    data = folder / "data"
    calls: list[Call] = []
    lines = 0
    for trace in sorted(folder.glob("*.trace")):
        more = read_calls(trace)
        calls += [one._replace(began=one.began + lines, ended=one.ended + lines) for one in more]
        lines += more[-1].ended + 1
    told = moments(one for one in calls if str(data) in one.arguments or "202" in one.arguments)
    answered: dict[str, int] = {}
    for place, moment in enumerate(told):
        if moment.begins and moment.call.name in _ANSWERING:
            for batch_id in _ANSWER.findall(moment.call.arguments):
                answered.setdefault(batch_id, place)
    return Recording(data, kept["setup"], ledger, told, answered)


def _command(tracer: Tracer, output: Path, data: Path, *arguments: str) -> str:
    """Run a command to its end; what it prints."""
    with tracer.running(*EVERLAKE, *arguments, output=output, env=environment(data)) as process:
        process.wait(120)
    skip_where_not_allowed(output)
    assert process.returncode == 0, strace_output(output).read_text()
    return program_output(output).read_text()


def _session(
    tracer: Tracer, output: Path, data: Path, setup: dict[str, str], ledger: Ledger, seed: int
) -> None:
    """Serve, kill the worker under load, and stop when all is done."""
    port = free_port()
    with tracer.running(
        *(*EVERLAKE, "serve", "--port", str(port)),
        output=output,
        env=environment(data, BUSY),
    ) as process:
        api = ApiClient(f"http://127.0.0.1:{port}", setup)
        wait_until(lambda: _is_up(api), "it does not come up")
        pids = processes_by_role(traced_pids(process))
        before = len(ledger.batches)
        clients = Clients(api.url, setup["api_key"], ledger, seed)
        clients.start()
        try:
            _send_many(api, ledger, f"{seed}")
            wait_until(lambda: len(ledger.batches) > before + _REQUESTS, "nothing is accepted")
            kill(pids["worker"][0])
        finally:
            clients.stop()
        assert clients.errors == []
        api.wait_until_complete(*ledger.batches)
        os.kill(pids["serve"][0], signal.SIGTERM)
        process.wait(60)


def _is_up(api: ApiClient) -> bool:
    try:
        return api.http.get("/healthz").is_success
    except httpx.TransportError:
        return False


def _send_many(api: ApiClient, ledger: Ledger, name: str) -> None:
    """Records enough for the upkeep to extend each index."""
    for start in range(0, _MANY, _BULK):
        records = [
            SentRecord(
                f"{name}-{number}", f"many{name}x{number}", f'{{"text":"many{name}x{number}"}}'
            )
            for number in range(start, start + _BULK)
        ]
        ledger.write(api.accept(body_of(records)), records)
