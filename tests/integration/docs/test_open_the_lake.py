"""The page on opening the lake, run from top to bottom as a reader would."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import lance
import pandas as pd
import polars as pl
import pytest

from everlake.contract.media_types import MediaType
from everlake.demo.samples import sample_requests
from tests.support.bucket_worker import BucketWorkerFixture
from tests.support.documentation import read_page, section
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import PRODUCT, PROJECT, WorkerFixture

PAGE = read_page(Path("docs/how-to/open-the-lake.md"))
BUCKET = section(PAGE, "In a bucket")


def blocks_of(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(python|sh)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


BLOCKS = blocks_of(PAGE.replace(BUCKET, ""))


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the demo's data in it as the demo leaves it."""
    data = tmp_path / "everlake-demo"
    data.mkdir()
    fill(WorkerFixture(data))
    stand(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def demo_in_bucket(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with archive and tables in a bucket."""
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "everlake-data"
    data.mkdir()
    home = BucketWorkerFixture(data, s3_server)
    fill(home)
    monkeypatch.setenv("EVERLAKE_STORAGE_URL", home.url)
    stand(tmp_path, monkeypatch)
    return tmp_path


def fill(home: WorkerFixture) -> None:
    for _, lines in sample_requests(PRODUCT, PROJECT):
        home.accept_body(b"\n".join(lines), MediaType.NDJSON)
    home.process_all()
    home.close()


def stand(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory, with the program at hand."""
    monkeypatch.chdir(directory)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )


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
    assert run_blocks(BLOCKS, demo, {}) > 10


def test_every_block_on_buckets_runs_and_gives_rows(
    demo_in_bucket: Path, s3_server: S3Server
) -> None:
    blocks = [
        (language, code.replace("http://127.0.0.1:9000", s3_server.url))
        for language, code in blocks_of(BUCKET)
    ]
    imports = {"duckdb": duckdb, "lance": lance, "pl": pl}
    assert run_blocks(blocks, demo_in_bucket, imports) > 3


def run_blocks(
    blocks: Sequence[tuple[str, str]], directory: Path, imports: Mapping[str, Any]
) -> int:
    """Run them as a reader would; how often something was printed."""
    printed = Printed()
    namespace: dict[str, Any] = {"print": printed, **imports}
    for language, code in blocks:
        if language == "python":
            before = printed.times
            exec(compile(code, "open-the-lake.md", "exec"), namespace)  # noqa: S102
            assert printed.times - before == len(re.findall(r"^print\(", code, re.MULTILINE))
        elif can_run(code):
            run_in_shell(code, directory)
    return printed.times


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
