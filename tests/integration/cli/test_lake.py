"""``everlake lake sql`` and ``everlake lake export``, as scripts and people call them."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from tests.support.command_line import Cli, assert_success
from tests.support.server import environment
from tests.support.worker_fixture import WorkerFixture, record

TEXTS = ["one, two", 'say "hi"', "tab\there", "line\nbreak \\n", "", "\x1b[31mred\x07"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    """A data directory with one record for each of :data:`TEXTS`, next to which commands run."""
    (tmp_path / "data").mkdir()
    made = WorkerFixture(tmp_path / "data")
    made.accept(*(record(str(number), text) for number, text in enumerate(TEXTS)))
    made.process_all()
    yield made
    made.close()


QUERY = "SELECT vendor_ids['id'] AS id, data ->> '$.text' AS text FROM records ORDER BY 1"


def test_elsewhere_than_on_a_terminal_rows_are_lines_with_tabs(
    cli: Cli, home: WorkerFixture
) -> None:
    lines = assert_success(cli("lake", "sql", QUERY)).out.splitlines()
    assert lines[0] == "id\ttext"
    assert lines[1:4] == ["0\tone, two", '1\tsay "hi"', "2\ttab\\there"]
    assert lines[4] == "3\tline\\nbreak \\\\n"
    assert len(lines) == 1 + len(TEXTS)


def test_csv_is_read_back_as_it_was(cli: Cli, home: WorkerFixture) -> None:
    out = assert_success(cli("lake", "sql", "--csv", QUERY)).out
    rows = list(csv.reader(io.StringIO(out, newline="")))
    assert rows == [["id", "text"], *([str(n), text] for n, text in enumerate(TEXTS))]


def test_json_is_an_object_a_line(cli: Cli, home: WorkerFixture) -> None:
    rows = assert_success(cli("lake", "sql", "--json", QUERY)).lines()
    assert rows == [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)]


def test_data_stays_the_text_that_was_sent(cli: Cli, home: WorkerFixture) -> None:
    rows = assert_success(cli("lake", "sql", "--json", "SELECT data FROM records")).lines()
    assert {row["data"] for row in rows} == {json.dumps({"text": text}) for text in TEXTS}


def test_a_statement_comes_from_standard_input_or_a_file(
    cli: Cli, home: WorkerFixture, tmp_path: Path
) -> None:
    statement = "-- how many?\nSELECT count(*) AS n\nFROM records;\n"
    (tmp_path / "n.sql").write_text(statement)
    assert assert_success(cli("lake", "sql", "-", stdin=statement.encode())).out == "n\n6\n"
    assert assert_success(cli("lake", "sql", "--file", "n.sql")).out == "n\n6\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["SELECT 1", "--file", "x.sql"], ["SELECT 1", "--csv", "--json"], ["SELECT 1", "more"]],
)
def test_a_command_line_that_says_too_little_or_too_much_is_wrong(
    cli: Cli, home: WorkerFixture, arguments: list[str]
) -> None:
    assert cli("lake", "sql", *arguments).code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["SELECT * FROM recods"], 'Did you mean "records"?'),
        (["DROP VIEW records"], "statement that reads"),
        (["SELECT * FROM read_csv('/etc/passwd')"], "Permission Error"),
        (["--file", "none.sql"], "none.sql cannot be read: No such file or directory"),
        (["--file", "."], "cannot be read"),
        (["\udcff"], "the statement is not UTF-8"),
        (["SELECT 1", "--workspace", "none"], "there is no workspace none"),
    ],
)
def test_what_cannot_be_done_is_one_line_on_standard_error(
    cli: Cli, home: WorkerFixture, arguments: list[str], message: str
) -> None:
    result = cli("lake", "sql", *arguments)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("everlake: ")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_bytes_that_are_no_text_are_refused(cli: Cli, home: WorkerFixture) -> None:
    assert "not UTF-8" in cli("lake", "sql", "-", stdin=b"SELECT '\xff'").err


def test_without_a_data_directory_a_command_says_what_to_do(cli: Cli) -> None:
    for command in (["sql", "SELECT 1"], ["export"]):
        result = cli("lake", *command)
        assert result.code == 1
        assert "run everlake init or everlake serve" in result.err


def test_a_workspace_without_records_has_empty_tables(cli: Cli, home: WorkerFixture) -> None:
    empty = home.new_workspace("empty")
    count = "SELECT count(*) AS n FROM records"
    assert assert_success(cli("lake", "sql", count, "--workspace", empty)).out == "n\n0\n"
    assert (
        assert_success(cli("lake", "sql", count, "--workspace", home.workspace_id)).out == "n\n6\n"
    )


def program(home: WorkerFixture, *arguments: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "everlake", "lake", *arguments], environment(home.data)


def on_terminal(home: WorkerFixture, *arguments: str) -> str:
    """What the program writes to a terminal of 80 columns."""
    command, env = program(home, *arguments)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        env={**env, "COLUMNS": "80", "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                some = os.read(ours, 65_536)
            except OSError:  # what Linux says when the other end is closed
                break
            if not some:
                break
            said += some
    os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


def test_on_a_terminal_rows_are_a_table_that_no_sender_can_steer(home: WorkerFixture) -> None:
    said = on_terminal(home, "sql", QUERY)
    lines = said.splitlines()
    assert any(line.startswith("2   tab here") for line in lines)
    assert "\x1b[31m" not in said
    assert "\x07" not in said
    assert any("[31mred" in line for line in lines)


def test_on_a_terminal_rows_that_are_too_wide_are_shown_a_column_a_line(
    home: WorkerFixture,
) -> None:
    lines = on_terminal(home, "sql", "SELECT * FROM records LIMIT 2").splitlines()
    assert sum("batch_id" in line for line in lines) == 2
    assert sum("data_bytes" in line for line in lines) == 2


def test_on_a_terminal_a_long_answer_ends_and_says_so(home: WorkerFixture) -> None:
    said = on_terminal(home, "sql", "SELECT a FROM range(100000000) t(a)")
    assert "999" in said
    assert "first 1,000 rows" in said
    assert "No rows." in on_terminal(home, "sql", "SELECT type FROM records WHERE false")


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(home: WorkerFixture) -> None:
    command, env = program(home, "sql", "SELECT a FROM range(10000000000) t(a)")
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert [process.stdout.readline() for _ in range(3)] == ["a\n", "0\n", "1\n"]
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT list(a) FROM range(1000000000000) t(a)",
        "SELECT count(*) FROM records r, records s, range(100000000000) t(a) WHERE r.data > s.data",
        "SELECT a FROM range(10000000000) t(a)",
    ],
)
def test_ctrl_c_ends_a_query_wherever_it_is_and_leaves_nothing_behind(
    home: WorkerFixture, tmp_path: Path, query: str, number: signal.Signals, code: int
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command, env = program(home, "sql", query)
    with subprocess.Popen(
        command,
        env={**env, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not any(scratch.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(1)  # until it is well inside the engine
        process.send_signal(number)
        assert process.wait(30) == code
    assert list(scratch.iterdir()) == []


def test_an_export_says_where_and_how_much(cli: Cli, home: WorkerFixture, tmp_path: Path) -> None:
    summary = assert_success(
        cli("lake", "export", "--format", "parquet", "--to", "out", "--json")
    ).json()
    [size] = [path.stat().st_size for path in (tmp_path / "out").rglob("*.parquet")]
    assert summary == {
        "table": "records",
        "format": "parquet",
        "directory": str(tmp_path / "out"),
        "rows": 6,
        "files": 1,
        "bytes": size,
    }
    assert ds.dataset(tmp_path / "out", partitioning="hive").count_rows() == 6
    assert "6 records in 1 file, " in assert_success(cli("lake", "export")).out
    assert (tmp_path / "everlake-export").is_dir()


def test_every_table_can_be_exported(cli: Cli, home: WorkerFixture, tmp_path: Path) -> None:
    for table in ("records", "arrivals", "utterances"):
        summary = assert_success(
            cli("lake", "export", "--table", table, "--to", table, "--json")
        ).json()
        assert summary["table"] == table
        assert ds.dataset(tmp_path / table).count_rows() == summary["rows"] > 0
    assert cli("lake", "export", "--table", "signals").code == 2


def test_an_export_into_something_is_refused_in_one_line(cli: Cli, home: WorkerFixture) -> None:
    assert_success(cli("lake", "export", "--to", "out"))
    result = cli("lake", "export", "--to", "out")
    assert result.code == 1
    assert result.err.splitlines()[-1].endswith(
        "is not empty. Name a new directory, or empty this one."
    )
