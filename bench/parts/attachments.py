"""Fetching attachments: many small files and few large ones, beside ``curl --parallel``."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench import attachment_fetch, plots
from bench.peers import curl
from bench.peers.files import file_server
from bench.processes import fresh_directory
from bench.section import FigureRow, ReportSection, format_megabytes, markdown_table
from everlake.contract.limits import Limits

_TARGET = 0.5
_MOST_MEMORY = 300e6
_PIECE = 1_000_000
_HIGH_CONCURRENCY = 16
"""Files at once in the second setting: as many as a worker fetches at once of all hosts."""
_EVERLAKE = "Everlake"
_EVERLAKE_MORE = f"Everlake, {_HIGH_CONCURRENCY} of a host"
_PEER = "curl, {} at once"
_KEPT = "curl, {} at once, then `sha256sum` and `sync`"
_DEFAULT_PER_HOST = 4
"""Files of a host at once where no setting says another."""


class FileSet(msgspec.Struct, frozen=True):
    """So many files of so many bytes; those of one job are fetched in one batch."""

    name: str
    files: int
    size: int

    @property
    def title(self) -> str:
        files = "1 file" if self.files == 1 else f"{self.files:,} files"
        large = self.size >= 1_000_000
        size = f"{self.size / 1e6:,.0f} MB" if large else f"{self.size / 1e3:,.0f} KB"
        return f"{files} of {size}"

    @property
    def settings(self) -> Sequence[int]:
        """Files at once that make a difference here."""
        return (
            [_DEFAULT_PER_HOST, _HIGH_CONCURRENCY]
            if self.files > _DEFAULT_PER_HOST
            else [_DEFAULT_PER_HOST]
        )


_FILE_SETS = (
    FileSet("small", 1_000, 100_000),
    FileSet("large", 4, 500_000_000),
    # As large as may be, nearly, for the memory it takes.
    FileSet("largest", 1, Limits().attachment_bytes - 1_000_000),
)
_QUICK_FILE_SETS = (
    FileSet("small", 40, 100_000),
    FileSet("large", 4, 5_000_000),
    FileSet("largest", 1, 20_000_000),
)
_ALONE = "largest"
_MEMORY = (
    "Resident memory of the worker and of the processes that it starts: when it has just started, "
    "when it has landed and analysed a batch without attachments and is idle, and at its highest "
    "while it fetches, lands and analyses; the greatest of all rounds, sampled every 20 ms, and "
    "the worker's own by the kernel's high-water mark."
)


def measure(*, quick: bool) -> dict[str, Any]:
    """Seconds and use of every series of each job, in turn."""
    rounds, jobs = (1, _QUICK_FILE_SETS) if quick else (5, _FILE_SETS)
    measured: dict[str, list[dict[str, Any]]] = {job.name: [] for job in jobs}
    version = curl.version()
    with fresh_directory() as folder, fresh_directory() as taken:
        for job in jobs:
            _write(job, folder)
        with file_server(folder) as server:
            for _ in range(rounds):
                for job in jobs:
                    measured[job.name].append(_round(job, server, version is not None, taken))
    return {
        "rounds": rounds,
        "curl": version,
        "jobs": [
            {**msgspec.structs.asdict(job), "title": job.title, "rounds": measured[job.name]}
            for job in jobs
        ],
    }


def _write(job: FileSet, folder: Path) -> None:
    """Random bytes, of which no two files have the same and none can be made smaller."""
    for number in range(job.files):
        with (folder / f"{job.name}-{number}").open("wb") as file:
            for at in range(0, job.size, _PIECE):
                file.write(os.urandom(min(_PIECE, job.size - at)))


def _round(job: FileSet, server: str, with_curl: bool, folder: Path) -> dict[str, Any]:
    """One run of each series, by its name."""
    urls = [f"{server}{job.name}-{number}" for number in range(job.files)]
    runs: dict[str, Callable[[Path], Any]] = {_EVERLAKE: _everlake(urls, job.size, {})}
    if _HIGH_CONCURRENCY in job.settings:
        more = {"EVERLAKE_ATTACHMENT_HOST_CONCURRENCY": str(_HIGH_CONCURRENCY)}
        runs[_EVERLAKE_MORE] = _everlake(urls, job.size, more)
    if with_curl and job.name != _ALONE:
        for number in (*job.settings, curl.DEFAULT):
            runs[_PEER.format(number)] = _curl(urls, job.size, number)
        runs[_KEPT.format(_DEFAULT_PER_HOST)] = _curl(urls, job.size, _DEFAULT_PER_HOST, kept=True)
    measured: dict[str, Any] = {}
    for name, run in runs.items():
        place = Path(tempfile.mkdtemp(dir=folder))
        measured[name] = msgspec.to_builtins(run(place))
        # Many small files stay until the end: to make files where many were removed a moment ago
        # takes ext4 several times as long (it leaves their inodes alone for a while).
        if job.size >= _PIECE:
            shutil.rmtree(place)
    return measured


def _everlake(
    urls: Sequence[str], size: int, env: dict[str, str]
) -> Callable[[Path], attachment_fetch.FetchResult]:
    return lambda place: attachment_fetch.measure_fetch(urls, size, env, place)


def _curl(
    urls: Sequence[str], size: int, at_once: int, *, kept: bool = False
) -> Callable[[Path], dict[str, float]]:
    return lambda place: curl.fetch(urls, size, at_once, place, kept=kept)


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and their plot."""
    jobs = result["jobs"]
    compared = [job for job in jobs if job["name"] != _ALONE]
    plots.bars(
        {
            f"{name}; {job['title']}".replace("`", ""): _rate(job, name)
            for job in compared
            for name in job["rounds"][0]
        },
        "MB a second",
        folder / "attachments.svg",
    )
    intro = f"""
    One batch whose records name files of a server on this machine, which sends them by `sendfile`
    with their length and an ETag, of random bytes, no two alike; medians of
    {_rounds(result["rounds"])} in turn with the peer, each ratio that of the rounds' own, with
    the least and the greatest. Everlake's time goes from the first attachment that is claimed to
    the last that is stored and counted, by the catalog, in a fresh server with one worker, which
    lands and analyses the records meanwhile. In it each file is hashed, its type found in its
    bytes, and it is synced to disk under its hash, a directory entry included, before the catalog
    says so, in commits that are synced too (the last of them ends some milliseconds after the
    moment that it writes down). By default a worker fetches {_DEFAULT_PER_HOST} files of one
    host at once, which is what the files here have, and {_HIGH_CONCURRENCY} of all hosts.
    {_of_curl(result)}
    """
    lines: list[str] = []
    for job in compared:
        lines += [f"{job['title']}:", "", *_rates(job)]
    lines += ["![Megabytes a second](attachments.svg)", ""]
    lines += [_MEMORY, "", *_memories(jobs)]
    rows = [
        *(row for job in compared for row in _rows(job)),
        *(_memory_row(job) for job in jobs if job["name"] != "large"),
    ]
    return ReportSection(title="Attachments", intro=intro, rows=rows, lines=lines)


def _of_curl(result: dict[str, Any]) -> str:
    if result["curl"] is None:
        return "There was no curl on this machine, so that there is nothing to compare with."
    return f"""
    `{result["curl"]} --parallel` writes the same files to the same disk, with as many at once and
    with its default of {curl.DEFAULT}, from its start to its end. It syncs nothing, hashes nothing
    and keeps no account of what it has: after the loss of power its files may be empty. So one
    line adds `sha256sum` and `sync` behind it, one after the other.
    """


def _rounds(number: int) -> str:
    return "1 round" if number == 1 else f"{number} rounds"


def _rate(job: dict[str, Any], name: str) -> float:
    """MB a second, median of the rounds."""
    size = job["files"] * job["size"] / 1e6
    return median(size / one[name]["seconds"] for one in job["rounds"])


def _ratios(job: dict[str, Any], ours: str, peer: str) -> list[float]:
    return sorted(one[peer]["seconds"] / one[ours]["seconds"] for one in job["rounds"])


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _rates(job: dict[str, Any]) -> list[str]:
    names = list(job["rounds"][0])
    ours = [name for name in names if name.startswith(_EVERLAKE)]
    return markdown_table(
        ["", "files/s", "MB/s", "seconds", "CPU seconds", *(f"{name} to it" for name in ours)],
        (
            [
                name,
                f"{_rate(job, name) * 1e6 / job['size']:,.1f}",
                f"{_rate(job, name):,.0f}",
                _spread([one[name]["seconds"] for one in job["rounds"]]),
                f"{median(one[name]['cpu'] for one in job['rounds']):.2f}",
                *("" if name in ours else _spread(_ratios(job, one, name)) for one in ours),
            ]
            for name in names
        ),
    )


def _rows(job: dict[str, Any]) -> list[FigureRow]:
    """Each setting beside curl with as many at once and with its default."""
    rows: list[FigureRow] = []
    for ours, number in ((_EVERLAKE, _DEFAULT_PER_HOST), (_EVERLAKE_MORE, _HIGH_CONCURRENCY)):
        if ours not in job["rounds"][0]:
            continue
        figure = f"{_rate(job, ours):,.0f} MB/s"
        peers = [_PEER.format(one) for one in (number, curl.DEFAULT)]
        peers.append(_KEPT.format(number))
        found = [peer for peer in peers if peer in job["rounds"][0]]
        if not found:
            rows.append(FigureRow(what=_what(job, ours), figure=figure, beside="no curl here"))
        for peer in found:
            ratio = median(_ratios(job, ours, peer))
            rows.append(
                FigureRow(
                    what=_what(job, ours),
                    figure=figure,
                    beside=f"{peer}: {_rate(job, peer):,.0f} MB/s",
                    ratio=ratio,
                    target=f"≥ {_TARGET:g}",
                    met=ratio >= _TARGET,
                )
            )
    return rows


def _what(job: dict[str, Any], ours: str) -> str:
    number = _HIGH_CONCURRENCY if ours == _EVERLAKE_MORE else _DEFAULT_PER_HOST
    return f"Attachments, {job['title']}, {number} of a host at once"


def _memory_row(job: dict[str, Any]) -> FigureRow:
    runs = [run for one in job["rounds"] for run in _ours(one)]
    more = max(run["highest"]["together"] - run["idle"] for run in runs)
    beyond_start = max(run["highest"]["together"] - run["started"] for run in runs)
    return FigureRow(
        what=f"Attachments, {job['title']}: memory of the worker beyond idle",
        figure=f"{format_megabytes(more)}, and {format_megabytes(beyond_start)} beyond its start",
        target=f"≤ {format_megabytes(_MOST_MEMORY)}",
        met=more <= _MOST_MEMORY,
    )


def _memories(jobs: Sequence[dict[str, Any]]) -> list[str]:
    heads = ["", "started", "idle", "worker", "its children", "together", "beyond idle", "CPU"]
    rows: list[list[str]] = []
    for job in jobs:
        for name in job["rounds"][0]:
            if not name.startswith(_EVERLAKE):
                continue
            runs = [one[name] for one in job["rounds"]]
            highest = [run["highest"] for run in runs]
            beyond = max(run["highest"]["together"] - run["idle"] for run in runs)
            rows.append(
                [
                    f"{name}; {job['title']}",
                    format_megabytes(max(run["started"] for run in runs)),
                    format_megabytes(max(run["idle"] for run in runs)),
                    *(
                        format_megabytes(max(one[which] for one in highest))
                        for which in ("worker", "children", "together")
                    ),
                    format_megabytes(beyond),
                    f"{median(run['cpu'] for run in runs):.2f} s",
                ]
            )
    return markdown_table(heads, rows)


def _ours(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [run for name, run in one.items() if name.startswith(_EVERLAKE)]
