"""``everlake send`` when things go wrong between it and the server, or are stopped."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import zstandard

from everlake.cli.send import wait
from tests.support.api_workspaces import ndjson
from tests.support.command_line import Cli, assert_success, cli
from tests.support.processes import kill_tree, wait_until
from tests.support.scripted_server import RECEIPT, ScriptedServer, running_scripted_server
from tests.support.sent_records import as_indented, record, records_of
from tests.support.server import (
    PRODUCT,
    PROJECT,
    EverlakeServer,
    environment,
    run_everlake_json,
    running_server,
)

__all__ = ["cli"]

SLOW = {"EVERLAKE_RATE_LIMIT": "10", "EVERLAKE_RATE_BURST": "1"}
CHUNKS = 25
RECORDS = CHUNKS * 100
MEBIBYTE = 1024 * 1024


@pytest.fixture
def scripted_server(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedServer]:
    with running_scripted_server() as one:
        monkeypatch.setenv("EVERLAKE_URL", one.url)
        monkeypatch.setenv("EVERLAKE_API_KEY", "em_sk_x")
        yield one


@pytest.fixture
def slow(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Generator[EverlakeServer]:
    """A server that takes ten requests a second, on the data directory of ``cli``."""
    data = tmp_path / "data"
    made = run_everlake_json("init", "--product-id", PRODUCT, "--project-id", PROJECT, data=data)
    server = EverlakeServer("serve", data, SLOW)
    monkeypatch.setenv("EVERLAKE_URL", server.url)
    monkeypatch.setenv("EVERLAKE_API_KEY", made["api_key"])
    server.start()
    yield server
    kill_tree(server)


def write_many(directory: Path) -> None:
    """Write a file that needs a request for every 100 records, because of their attachments."""
    attached = [{"type": "file"}] * 10
    lines = (record(f"many-{n}", _attachments=attached) for n in range(RECORDS))
    (directory / "many.ndjson").write_bytes(ndjson(*lines))


def start(directory: Path, server: EverlakeServer, *arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    reached = {name: os.environ[name] for name in ("EVERLAKE_URL", "EVERLAKE_API_KEY")}
    return subprocess.Popen(
        [sys.executable, "-m", "everlake", "send", *arguments],
        cwd=directory,
        env=environment(server.data, reached),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def most_memory(pid: int) -> int:
    """The most bytes of memory that a process has had at a time."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def accepted(cli: Cli) -> list[int]:
    """Return the number of records of each batch in the data directory, oldest first."""
    listed = assert_success(cli("batches", "list", "--limit", "1000", "--json")).lines()
    return [batch["accepted_count"] for batch in reversed(listed)]


def test_a_rate_limit_is_obeyed_by_all_requests_under_way(
    slow: EverlakeServer, cli: Cli, tmp_path: Path
) -> None:
    write_many(tmp_path)

    sent = assert_success(
        cli("send", "many.ndjson", "--parallel", "8", "--attempts", "1", "--json")
    )

    assert sent.json()["accepted"] == RECORDS
    assert accepted(cli) == [100] * CHUNKS
    assert sent.err == ""


def test_a_server_that_is_away_for_a_while_gets_everything_once(
    slow: EverlakeServer, cli: Cli, tmp_path: Path
) -> None:
    write_many(tmp_path)
    sending = start(tmp_path, slow, "many.ndjson", "--attempts", "100")
    wait_until(lambda: len(accepted(cli)) > 3, "nothing arrives")

    kill_tree(slow)
    slow.start()

    out, err = sending.communicate(timeout=120)
    assert sending.returncode == 0, err
    assert f"{RECORDS:,} accepted, 0 rejected, {CHUNKS} batches" in out
    assert accepted(cli) == [100] * CHUNKS
    assert "does not answer" in err
    assert ": trying again in " in err


def test_after_ctrl_c_the_same_command_sends_only_what_is_missing(
    slow: EverlakeServer, cli: Cli, tmp_path: Path
) -> None:
    write_many(tmp_path)
    sending = start(tmp_path, slow, "many.ndjson")
    wait_until(lambda: len(accepted(cli)) > 3, "nothing arrives")

    sending.send_signal(signal.SIGINT)

    out, err = sending.communicate(timeout=60)
    assert sending.returncode == 130
    assert "run the same command again: what was accepted is not sent twice" in err
    before = accepted(cli)
    assert 3 < len(before) < CHUNKS
    assert f"{sum(before):,} accepted, 0 rejected, {len(before)} batches" in out
    again = assert_success(cli("send", "many.ndjson", "--json")).json()
    assert (again["accepted"], again["replayed"]) == (RECORDS, sum(before))
    assert sorted(accepted(cli)) == [100] * CHUNKS


def test_after_ctrl_c_the_command_that_is_printed_collects_all_rejected_records(
    slow: EverlakeServer, cli: Cli, tmp_path: Path
) -> None:
    write_many(tmp_path)
    many = tmp_path / "many.ndjson"
    many.write_bytes(ndjson(record("wrong", _mood="good")) + b"\n" + many.read_bytes())
    sending = start(tmp_path, slow, "many.ndjson", "--rejected-to", "rejected.ndjson")
    wait_until(lambda: len(accepted(cli)) > 3, "nothing arrives")

    sending.send_signal(signal.SIGINT)

    _, err = sending.communicate(timeout=60)
    assert sending.returncode == 130
    assert "run the same command again with --rejected-to rejected-2.ndjson: " in err
    again = cli("send", "many.ndjson", "--rejected-to", "rejected-2.ndjson", "--json").json()
    assert (again["accepted"], again["rejected"]) == (RECORDS, 1)
    assert (tmp_path / "rejected-2.ndjson").read_bytes().count(b"\n") == 1


def test_limits_that_are_lower_than_the_contract_are_found_out(cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = run_everlake_json("init", "--product-id", PRODUCT, "--project-id", PROJECT, data=data)
    limits = {
        "EVERLAKE_MAX_RECORDS": "30",
        "EVERLAKE_MAX_BODY_BYTES": "20000",
        "EVERLAKE_RATE_LIMIT": "10000",
        "EVERLAKE_RATE_BURST": "10000",
    }
    small = [record(f"small-{n}") for n in range(400)]
    same = [record("same", str(n)) for n in range(100)]
    large = [record(f"large-{n}", "x" * 4_000, _type="email") for n in range(20)]
    too_large = record("too-large", "x" * 30_000, _type="email")
    (tmp_path / "f.ndjson").write_bytes(ndjson(*small, *same, *large, too_large))
    with running_server("serve", data, limits) as server:
        where = ("--url", server.url, "--key", made["api_key"])

        result = cli("send", "f.ndjson", "--json", "--rejected-to", "refused", "--wait", *where)
        again = cli("send", "f.ndjson", "--json", *where).json()
        os.environ |= {"EVERLAKE_URL": server.url, "EVERLAKE_API_KEY": made["api_key"]}
        rows = [row for batch in result.json()["batches"] for row in records_of(batch)]

    assert result.code == 1
    sent = result.json()
    assert (sent["accepted"], sent["rejected"]) == (520, 1)
    assert [error["code"] for error in sent["errors"]] == ["PAYLOAD_TOO_LARGE"]
    assert json.loads((tmp_path / "refused").read_bytes()) == too_large
    assert max(accepted(cli)) <= 30
    assert again["replayed"] == 520
    [latest] = [row for row in rows if row["_vendor_ids"]["id"] == "same"]
    assert latest["data"]["text"] == "99"


def test_a_server_that_says_later_is_asked_again_then(
    scripted_server: ScriptedServer, cli: Cli, tmp_path: Path
) -> None:
    full = b'{"error":"UNAVAILABLE","message":"The disk is full."}'
    scripted_server.responses = [(503, full, {"retry-after": "1"}), (202, RECEIPT, {})]
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    sent = assert_success(cli("send", "f.json"))

    assert "the server says: The disk is full: trying again in 1." in sent.err
    assert scripted_server.bodies[0] == scripted_server.bodies[1]
    assert scripted_server.keys[0] == scripted_server.keys[1]


def test_nothing_is_sent_past_a_request_that_is_given_up(
    scripted_server: ScriptedServer, cli: Cli, tmp_path: Path
) -> None:
    full = b'{"error":"UNAVAILABLE","message":"The disk is full."}'
    scripted_server.responses = [(202, RECEIPT, {}), (503, full, {})]
    (tmp_path / "f.ndjson").write_bytes(ndjson(*(record(f"x{n}") for n in range(9_000))))

    sent = cli("send", "f.ndjson", "--parallel", "1", "--attempts", "2", "--json")

    assert sent.code == 1
    assert sent.err == "everlake: UNAVAILABLE: The disk is full.\n"
    assert sent.json()["accepted"] == 1
    assert scripted_server.request_count == 3


def test_waiting_says_where_it_hangs_and_gives_up_in_the_end(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "_STALL_WARNING_SECONDS", 0.2)
    monkeypatch.setattr(wait, "_STALL_TIMEOUT", 0.5)
    data = tmp_path / "data"
    made = run_everlake_json("init", "--product-id", PRODUCT, "--project-id", PROJECT, data=data)
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("x"), record("y", _type="email")))

    with running_server("api", data) as server:
        where = ("--url", server.url, "--key", made["api_key"])
        sent = cli("send", "f.ndjson", "--wait", *where)
        batch_ids = cli("send", "f.ndjson", "--json", *where).json()["batches"]

    assert sent.code == 1
    assert "batches: 2 LANDING" in sent.err
    assert f"the oldest is {batch_ids[0]}. Is a worker running?" in sent.err
    for batch_id in batch_ids:
        assert f"batch {batch_id} is not COMPLETE" in sent.out


def test_a_file_larger_than_memory_should_hold_is_sent_in_little_of_it(
    slow: EverlakeServer, tmp_path: Path
) -> None:
    text = "words that compress well, " * 380
    with zstandard.open(tmp_path / "large.ndjson.zst", "wb") as file:
        for number in range(30_000):
            file.write(ndjson(record(f"large-{number}", text)))

    sending = start(tmp_path, slow, "large.ndjson.zst", "--dry-run", "--parallel", "4")
    most = 0
    while sending.poll() is None:
        most = max(most, most_memory(sending.pid))
        time.sleep(0.02)

    out, err = sending.communicate()
    assert sending.returncode == 0, err
    assert "30,000 would be accepted" in out
    assert 10 * MEBIBYTE < most < 150 * MEBIBYTE
