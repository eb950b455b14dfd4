"""``python -m bench [PART...]``: measure, and write RESULTS.md, results.json and the plots."""

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from bench import parts
from bench.processes import BENCH_DIRECTORY, WORK_DIRECTORY
from bench.report import REPORT_FILE, PartResult, read_results, write_results

_QUICK = WORK_DIRECTORY / "quick"
_PEERS = ("datasette", "dlt")
_WITH_PEERS = frozenset({"accept", "sustained"})


def main() -> None:
    """Run the parts asked for, all by default, each on top of the others' last results."""
    arguments = _arguments()
    chosen = arguments.parts or ([] if arguments.report else parts.NAMES)
    missing = [name for name in _PEERS if find_spec(name) is None]
    if missing and not _WITH_PEERS.isdisjoint(chosen):
        sys.exit(
            f"The peers {', '.join(missing)} are not installed: run `make bench`, or "
            "`uv sync --group bench` before `python -m bench`."
        )
    folder = arguments.out or (_QUICK if arguments.quick else BENCH_DIRECTORY)
    results = read_results(folder)
    for name in chosen:
        print(f"{name} ...", flush=True)
        started = time.perf_counter()
        result = parts.load_part(name).measure(quick=arguments.quick)
        seconds = time.perf_counter() - started
        results[name] = PartResult(
            when=datetime.now(UTC).strftime("%Y-%m-%d"),
            machine=_machine(),
            seconds=seconds,
            result=result,
        )
        # After each part, so that one that fails costs only itself.
        write_results(folder, results)
        print(f"{name}: {seconds:.0f} s", flush=True)
    write_results(folder, results)
    print(folder / REPORT_FILE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts.NAMES)}")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="on a small scale, to try the harness; writes to bench/.work/quick",
    )
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report")
    parser.add_argument("--out", type=Path, help="where the results are kept and written")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(parts.NAMES):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return arguments


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
