"""dlt's merge into DuckDB: the same records, loaded from memory.

``python -m bench.peers.dlt DIRECTORY RECORDS LOADS SIZE`` prints records a second. dlt is a
pipeline and no server: nothing of HTTP is in its figure. Its fastest set-up that was found: the
``upsert`` strategy (one MERGE statement) and Parquet files as what is loaded; lists and objects
come as JSON text, which saves it child tables.
"""

import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.bodies import records, upsert_rows

_SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}


def dlt_rate(directory: Path, per_load: int, loads: int, size: int) -> float:
    """Records a second of ``loads`` loads of ``per_load`` records, in a process of its own.

    Raises:
        RuntimeError: it failed; the message says how.
    """
    numbers = [str(number) for number in (per_load, loads, size)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers.dlt", str(directory), *numbers],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **_SETTINGS, "DLT_DATA_DIR": str(directory)},
    )
    if done.returncode:
        raise RuntimeError(f"dlt failed: {done.stderr[-2_000:]}")
    return float(done.stdout.split()[-1])


def main(directory: Path, per_load: int, loads: int, size: int) -> None:
    """Load, and print records a second; a first small load, which makes the table, is not timed."""
    dlt: Any = import_module("dlt")  # of the group bench, which the type check need not have

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(directory / "pipelines"),
        destination=dlt.destinations.duckdb(str(directory / "lake.duckdb")),
        dataset_name="bench",
    )
    portions = [
        upsert_rows(records(number * per_load, per_load, size), as_text=True)
        for number in range(loads)
    ]
    merge: dict[str, Any] = {
        "table_name": "records",
        "primary_key": "id",
        "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        "loader_file_format": "parquet",
    }
    pipeline.run(upsert_rows(records(per_load * loads, 10, size), as_text=True), **merge)
    started = time.perf_counter()
    for portion in portions:
        pipeline.run(portion, **merge)
    print(per_load * loads / (time.perf_counter() - started))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:5]))
