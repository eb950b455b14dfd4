"""The benchmark's report, from the results of a run on a small scale."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench import parts
from bench.report import NOTES_FILE, REPORT_FILE, RESULTS_FILE, read_results, write_results

_RESULTS = Path(__file__).with_name(RESULTS_FILE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    shutil.copy(_RESULTS, folder)
    (folder / NOTES_FILE).write_text("## What the profile says\n\nMuch.\n")
    results = read_results(folder)
    write_results(folder, {"landed": results["landed"]} | results)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> str:
    return (folder / REPORT_FILE).read_text()


def test_the_report_has_a_chapter_for_each_part_with_its_day_and_machine(report: str):
    headed = re.findall(
        r"^`python -m bench (\w+)` on 20\d\d-\d\d-\d\d: \d+ cores", report, re.MULTILINE
    )

    assert tuple(headed) == parts.NAMES


def test_every_plot_that_the_report_shows_is_there(folder: Path, report: str):
    shown = re.findall(r"\]\((\w+\.svg)\)", report)

    assert set(shown) == {
        "accept.svg",
        "sustained.svg",
        "latency.svg",
        "merge.svg",
        "nodes.svg",
        "stall.svg",
        "attachments.svg",
        "fairness.svg",
    }
    assert all((folder / name).read_text().startswith("<?xml") for name in shown)


def test_a_target_that_is_not_met_is_said_so(report: str):
    rows = [
        line.strip("| ").split(" | ")
        for line in report.splitlines()
        if line.startswith("| Accept, records of 1 KB")
    ]
    raw = next(row for row in rows if row[2].startswith("raw limit"))

    assert float(raw[3]) < 0.4
    assert raw[4:] == ["≥ 0.4", "**not met**"]


def test_attachments_are_compared_with_curl_or_it_is_said_that_there_is_none(folder: Path):
    results = read_results(folder)
    measured = results["attachments"].result
    alone = [
        {**job, "rounds": [_without_curl(one) for one in job["rounds"]]} for job in measured["jobs"]
    ]
    part = parts.load_part("attachments")

    beside = part.describe(measured, folder)
    without = part.describe({**measured, "curl": None, "jobs": alone}, folder)

    peers = [row.beside for row in beside.rows if row.ratio is not None]
    assert {peer.partition(":")[0] for peer in peers} == {
        "curl, 4 at once",
        "curl, 16 at once",
        "curl, 50 at once",
        "curl, 4 at once, then `sha256sum` and `sync`",
    }
    assert all(row.ratio is None for row in without.rows)
    assert "There was no curl on this machine" in without.intro


def _without_curl(one: dict[str, Any]) -> dict[str, Any]:
    return {name: run for name, run in one.items() if not name.startswith("curl")}


def test_a_part_that_is_measured_later_keeps_the_others_results(folder: Path):
    assert read_results(folder) == read_results(_RESULTS.parent)


def test_notes_written_by_hand_stand_at_the_end(report: str):
    assert report.endswith("## What the profile says\n\nMuch.\n")


def test_without_results_there_is_a_report_without_figures(tmp_path: Path):
    write_results(tmp_path, read_results(tmp_path))

    assert (tmp_path / REPORT_FILE).read_text().startswith("# Measured")
