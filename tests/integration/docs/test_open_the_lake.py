"""The page on opening the lake, run from top to bottom as a reader would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from everlake.demo.samples import sample_lines
from everlake.ingest.body import MediaType
from tests.integration.worker.home import PRODUCT, PROJECT, Home
from tests.unit.docs.pages import read

PAGE = read(Path("docs/how-to/open-the-lake.md"))
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(python|sh)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the demo's data in it as the demo leaves it."""
    data = tmp_path / "everlake-demo"
    data.mkdir()
    home = Home(data)
    for _, lines in sample_lines(PRODUCT, PROJECT):
        home.accept_body(b"\n".join(lines), MediaType.NDJSON)
    home.work()
    home.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    return tmp_path


class Printed:
    """What a block has printed; each time it must be rows, and at least one."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, *values: Any) -> None:
        self.times += 1
        for value in values:
            assert rows_of(value) > 0, value


def rows_of(value: Any) -> int:
    if isinstance(value, duckdb.DuckDBPyRelation):
        return value.to_arrow_table().num_rows
    assert isinstance(value, pl.DataFrame | pd.DataFrame | pd.Series), type(value)
    return len(value)


def test_every_block_of_the_page_runs_and_gives_rows(demo: Path) -> None:
    printed = Printed()
    namespace: dict[str, Any] = {"print": printed}
    for language, code in BLOCKS:
        if language == "python":
            before = printed.times
            exec(compile(code, "open-the-lake.md", "exec"), namespace)  # noqa: S102
            assert printed.times - before == len(re.findall(r"^print\(", code, re.MULTILINE))
        elif can_run(code):
            run_in_shell(code, demo)
    assert printed.times > 10


def can_run(code: str) -> bool:
    """Whether a block of shell is for this machine: not the installing, nor tools it lacks."""
    first = code.split(maxsplit=1)[0]
    assert first in {"everlake", "pip", "find"}, "say here what to do with this block"
    return first == "everlake" or (first == "find" and all(map(shutil.which, ("zstdcat", "jq"))))


def run_in_shell(code: str, directory: Path) -> None:
    before = set(directory.iterdir())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout
    for made in set(directory.iterdir()) - before:
        files = [path for path in (made, *made.rglob("*")) if path.is_file()]
        assert files
        assert all(path.stat().st_size for path in files)


def test_the_page_installs_what_it_imports() -> None:
    [installed] = [code.split()[2:] for _, code in BLOCKS if code.startswith("pip install ")]
    code = "".join(code for language, code in BLOCKS if language == "python")
    imported = re.findall(r"^import (\w+)", code, re.MULTILINE)
    assert sorted("pylance" if name == "lance" else name for name in imported) == sorted(installed)
