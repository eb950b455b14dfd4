"""``python -m bench``: measure, and write RESULTS.md, results.json and accept.svg.

Every figure stands beside its peer of the same run: the machine's mood is the same for both.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.bodies import bodies
from bench.report import write_report
from tests.integration.server import FAST, Api, Server, everlake_json, free_port, running

HERE = Path(__file__).parent
WORK = HERE / ".work"
ROUNDS = 3
RECORDS = 1_000
REQUESTS = 400
CONNECTIONS = 8
SIZES = (1_000, 5_000)


def main() -> None:
    """Run every measurement."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    try:
        results = {
            "when": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} cores, {platform.system()}, "
            f"Python {platform.python_version()}",
            "accept": [accept(size) for size in SIZES],
            "landed": first_landed(),
        }
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    write_report(results, HERE)


def accept(size: int) -> dict[str, Any]:
    """Durable 202s with no worker, against the raw limit, in turns."""
    with workspace() as (data, setup):
        product, project = setup["product_id"], setup["project_id"]
        files = _body_files(size, product, project)
        rounds: list[dict[str, float]] = []
        for _ in range(ROUNDS):
            with raw_limit() as port:
                raw = drive(port, "/", {}, files)
            env = {**FAST, "EVERLAKE_LOG_LEVEL": "warning"}
            with running("api", data, env) as server:
                headers = {"x-api-key": setup["api_key"], "content-type": "application/json"}
                cpu = cpu_seconds(server)
                ours = drive(server.port, "/api/v1/ingest", headers, files)
                cpu = cpu_seconds(server) - cpu
            rounds.append(
                {
                    "raw": REQUESTS * RECORDS / raw["seconds"],
                    "everlake": REQUESTS * RECORDS / ours["seconds"],
                    "ratio": raw["seconds"] / ours["seconds"],
                    "p50_ms": ours["p50"] * 1000,
                    "p99_ms": ours["p99"] * 1000,
                    "cpu_us_per_record": cpu / (REQUESTS * RECORDS) * 1e6,
                }
            )
    middle = {name: median(one[name] for one in rounds) for name in rounds[0]}
    return {"size": size, "rounds": rounds, "median": middle}


def first_landed(tries: int = 20) -> dict[str, float]:
    """Seconds from a lone batch's 202 to ``LANDED`` and to ``COMPLETE``, as a client sees it."""
    landed: list[float] = []
    complete: list[float] = []
    with workspace() as (data, setup), running("serve", data, FAST) as server:
        api = Api(server.url, setup)
        for number in range(tries):
            batch_id = api.accept(api.record(_vendor_ids={"id": str(number)}))
            started = time.perf_counter()
            status = "LANDING"
            while status != "COMPLETE":
                status = api.batch(batch_id)["status"]
                if status != "LANDING" and len(landed) <= number:
                    landed.append(time.perf_counter() - started)
                time.sleep(0.005)
            complete.append(time.perf_counter() - started)
            time.sleep(0.2)
    return {
        "landed_median": median(landed),
        "landed_max": max(landed),
        "complete_median": median(complete),
        "complete_max": max(complete),
    }


@contextmanager
def workspace() -> Generator[tuple[Path, dict[str, str]]]:
    """A fresh data directory with a workspace in it."""
    data = Path(tempfile.mkdtemp(dir=WORK))
    yield data, everlake_json("init", data=data)
    shutil.rmtree(data)


@contextmanager
def raw_limit() -> Generator[int]:
    """The peer's port."""
    port = free_port()
    file = WORK / "raw"
    process = subprocess.Popen([sys.executable, "-m", "bench.raw_limit", str(port), str(file)])
    time.sleep(1.0)
    yield port
    process.terminate()
    process.wait()
    file.unlink()


def drive(port: int, path: str, headers: dict[str, str], files: list[Path]) -> dict[str, Any]:
    """Post the bodies from a process of its own."""
    plan = WORK / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "port": port,
                "path": path,
                "headers": headers,
                "bodies": [str(file) for file in files],
                "requests": REQUESTS,
                "connections": CONNECTIONS,
            }
        )
    )
    command = [sys.executable, "-m", "bench.driver", str(plan)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result["statuses"]) == {"202"}, result["statuses"]
    return result


def cpu_seconds(server: Server) -> float:
    """Processor time the server's process has used."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _body_files(size: int, product: str, project: str) -> list[Path]:
    files: list[Path] = []
    for number, body in enumerate(bodies(40, RECORDS, size, product, project)):
        file = WORK / f"body-{size}-{number}"
        file.write_bytes(body)
        files.append(file)
    return files


if __name__ == "__main__":
    main()
