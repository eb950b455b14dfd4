"""``everlake lake tables``: enough for other tools to open the current versions."""

from collections.abc import Iterator
from pathlib import Path

import lance
import pytest

from everlake.storage import object_store_options
from tests.support.bucket_worker import BucketWorkerFixture
from tests.support.command_line import Cli, assert_success
from tests.support.rebuilds import rebuild_workspace
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    (tmp_path / "data").mkdir()
    made = WorkerFixture(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def bucket(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketWorkerFixture]:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").mkdir()
    made = BucketWorkerFixture(tmp_path / "data", s3_server)
    monkeypatch.setenv("EVERLAKE_STORAGE_URL", made.url)
    yield made
    made.close()


def filled(home: WorkerFixture) -> None:
    home.accept(record("a", "said a"), record("b", "said b"))
    home.accept(record("b", "said again"))
    home.process_all()


def test_tables_on_a_disk_are_told_with_rows_version_and_path(
    cli: Cli, home: WorkerFixture
) -> None:
    filled(home)

    listed = {one["table"]: one for one in assert_success(cli("lake", "tables", "--json")).lines()}

    assert {name: one["rows"] for name, one in listed.items()} == {
        "records": 2,
        "arrivals": 3,
        "utterances": 2,
    }
    for name, one in listed.items():
        folder = home.data / "lake" / f"workspace={home.workspace_id}"
        assert Path(one["where"]) == folder / f"{name}.lance"
        opened = lance.dataset(one["where"])
        assert (opened.version, opened.count_rows()) == (one["version"], one["rows"])


def test_for_people_it_is_a_table(cli: Cli, home: WorkerFixture) -> None:
    filled(home)
    header, *lines = assert_success(cli("lake", "tables")).out.splitlines()
    assert header.split() == ["TABLE", "ROWS", "VERSION", "WHERE"]
    assert [line.split()[:2] for line in lines] == [
        ["records", "2"],
        ["arrivals", "3"],
        ["utterances", "2"],
    ]


def test_tables_that_are_not_there_yet_are_told_of_too(cli: Cli, home: WorkerFixture) -> None:
    filled(home)
    empty = home.new_workspace("empty")

    said = assert_success(cli("lake", "tables", "--workspace", empty)).out
    listed = assert_success(cli("lake", "tables", "--workspace", empty, "--json")).lines()

    assert said.count(" none ") == 3
    assert [(one["rows"], one["version"]) for one in listed] == [(0, None)] * 3
    assert all(f"workspace={empty}/" in one["where"] for one in listed)


def test_in_a_bucket_the_version_that_counts_is_told_and_not_what_lies_on_top(
    cli: Cli, bucket: BucketWorkerFixture
) -> None:
    folder = f"{bucket.url}/lake/workspace={bucket.workspace_id}"
    before = assert_success(cli("lake", "tables", "--json")).lines()
    assert [one["where"] for one in before] == [
        f"{folder}/generation=1/{name}.lance" for name in ("records", "arrivals", "utterances")
    ]
    assert [(one["rows"], one["version"]) for one in before] == [(0, None)] * 3

    filled(bucket)
    rebuild_workspace(bucket)
    url = f"{folder}/generation=2/records.lance"
    stray = lance.dataset(url, storage_options=object_store_options())
    stray.delete("true")  # as a writer leaves it that lost its turn

    records = assert_success(cli("lake", "tables", "--json")).lines()[0]

    assert (records["rows"], records["where"]) == (2, url)
    opened = lance.dataset(url, version=records["version"], storage_options=object_store_options())
    assert opened.count_rows() == 2
    assert stray.count_rows() == 0
