"""``everlake send`` to a real server, and what the commands beside it then show."""

import gzip
import json
import os
import threading
import time
from pathlib import Path

import pytest
import zstandard

from everlake.catalog import batch_queue
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from tests.support.api_workspaces import ndjson
from tests.support.command_line import Cli, assert_success
from tests.support.sent_records import (
    as_indented,
    get_json_text,
    record,
    records_of,
    stored,
    texts_of,
)
from tests.support.server import NO_RATE_LIMIT, PRODUCT, PROJECT, running_server

FORMS = {
    "one.json": lambda: json.dumps(record("one"), indent=2).encode(),
    "array.json": lambda: as_indented(record("a1"), record("a2")),
    "wrapper.json": lambda: json.dumps({"records": [record("w1"), record("w2")]}).encode(),
    "lines.ndjson": lambda: ndjson(record("l1"), record("l2"), record("l3")) + b"\n\n",
    "no-last-break.ndjson": lambda: ndjson(record("n1"), record("n2")).rstrip(),
    "windows.ndjson": lambda: ndjson(record("r1"), record("r2")).replace(b"\n", b"\r\n"),
    "packed.json.gz": lambda: gzip.compress(as_indented(record("g1"), record("g2"))),
    "packed.ndjson.gz": lambda: gzip.compress(ndjson(record("h1"))),
    "packed.json.zst": lambda: zstandard.compress(as_indented(record("z1"), record("z2"))),
    "packed.ndjson.zst": lambda: zstandard.compress(ndjson(record("y1"), record("y2"))),
    "packed-and-not-called-so": lambda: gzip.compress(as_indented(record("x1"))),
    "lines-called.json": lambda: ndjson(record("c1"), record("c2")),
    "one-behind-the-other": lambda: (
        as_indented(record("o1"))[1:-1] + as_indented(record("o2"))[1:-1]
    ),
    "byte-order-mark.json": lambda: b"\xef\xbb\xbf" + as_indented(record("b1")),
}
COUNTS = {
    "one.json": 1,
    "array.json": 2,
    "wrapper.json": 2,
    "lines.ndjson": 3,
    "no-last-break.ndjson": 2,
    "windows.ndjson": 2,
    "packed.json.gz": 2,
    "packed.ndjson.gz": 1,
    "packed.json.zst": 2,
    "packed.ndjson.zst": 2,
    "packed-and-not-called-so": 1,
    "lines-called.json": 2,
    "one-behind-the-other": 2,
    "byte-order-mark.json": 1,
}


@pytest.mark.parametrize("name", FORMS)
def test_records_are_read_from_files_of_every_form(send: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name]())

    sent = assert_success(send("send", name, "--json")).json()

    assert (sent["accepted"], sent["rejected"], sent["errors"]) == (COUNTS[name], 0, [])
    [batch_id] = sent["batches"]
    assert stored(send, batch_id)["accepted_count"] == COUNTS[name]


def test_records_are_read_from_standard_input(send: Cli) -> None:
    sent = assert_success(send("send", "-", "--json", stdin=ndjson(record("stdin")))).json()

    assert sent["accepted"] == 1


DATA = '{"text" :  "caf\\u00e9",\n  "n": 1.50, "m": 1e400, "text": "twice",\r\n\t"o": []}'


@pytest.mark.parametrize("form", ["lines.ndjson", "array.json", "wrapper.json", "document.json"])
def test_data_arrives_byte_for_byte_as_it_stands_in_a_file(
    send: Cli, tmp_path: Path, form: str
) -> None:
    data = DATA.replace("\r\n", "").replace("\n", "") if form == "lines.ndjson" else DATA
    text = json.dumps(record(form)).replace('{"text": "hello"}', data)
    text = {"array.json": f"[{text}]", "wrapper.json": f'{{"records": [{text}]}}'}.get(form, text)
    (tmp_path / form).write_bytes(text.encode())

    [batch_id] = assert_success(send("send", form, "--json", "--wait")).json()["batches"]

    assert f'"data":{data}' in get_json_text("/api/v1/records", batch=batch_id)


def test_mixed_records_are_sorted_into_full_requests_and_keep_their_order(
    send: Cli, tmp_path: Path
) -> None:
    records = [
        record("m1"),
        record("m2"),
        record("m3", _type="email"),
        record("m4", _type=" EMAIL "),
        record("m5"),
    ]
    (tmp_path / "mixed.ndjson").write_bytes(ndjson(*records))

    sent = assert_success(send("send", "mixed.ndjson", "--json", "--wait")).json()

    shown = [stored(send, batch_id) for batch_id in sent["batches"]]
    assert [(one["type"], one["accepted_count"]) for one in shown] == [("message", 3), ("email", 2)]
    names = [row["_vendor_ids"]["id"] for row in records_of(sent["batches"][0])]
    assert names == ["m5", "m2", "m1"]


def test_more_records_than_a_request_may_hold_are_parted(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "many.ndjson").write_bytes(ndjson(*(record(f"many-{n}") for n in range(1_001))))

    sent = assert_success(send("send", "many.ndjson", "--json")).json()

    assert sent["accepted"] == 1_001
    assert [stored(send, one)["accepted_count"] for one in sent["batches"]] == [1_000, 1]


def test_more_bytes_than_a_request_may_hold_are_parted(send: Cli, tmp_path: Path) -> None:
    large = [record(f"large-{n}", "x" * 2_000_000) for n in range(4)]
    (tmp_path / "large.ndjson").write_bytes(ndjson(*large))

    sent = assert_success(send("send", "large.ndjson", "--json")).json()

    assert sent["accepted"] == 4
    assert len(sent["batches"]) == 2


def test_many_files_are_sent_in_their_order(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(as_indented(record("same", "first")))
    (tmp_path / "2.json").write_bytes(as_indented(record("same", "second")))

    sent = assert_success(send("send", "1.json", "2.json", "--json", "--wait")).json()

    assert sent["accepted"] == 2
    assert texts_of(sent["batches"][-1]) == ["second"]


def test_a_directory_is_sent_by_its_files_of_records_in_their_order(
    send: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    (folder / "2").mkdir(parents=True)
    (folder / "1.ndjson").write_bytes(ndjson(record("folder", "first")))
    (folder / "2" / "a.json.zst").write_bytes(
        zstandard.compress(as_indented(record("folder", "2")))
    )
    (folder / "3.json.gz").write_bytes(gzip.compress(as_indented(record("folder", "last"))))
    (folder / "notes.txt").write_text("not for you")

    said = send("send", "export", "--wait")
    sent = assert_success(send("send", "export", "--json", "--wait")).json()

    assert said.code == 0
    assert "skipped because of their suffix: export/notes.txt" in said.err
    assert sent["left_out"] == ["export/notes.txt"]
    assert (sent["accepted"], sent["replayed"]) == (3, 3)
    [last] = [text for batch_id in sent["batches"] for text in texts_of(batch_id)]
    assert last == "last"


def test_a_directory_without_files_of_records_is_an_error(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "notes.txt").write_text("not for you")

    said = send("send", "docs")

    assert said.code == 1
    assert "no file to send in docs" in said.err
    assert said.out == ""


def test_the_last_version_in_the_files_wins_however_many_requests_go_out_at_once(
    send: Cli, tmp_path: Path
) -> None:
    lines = [
        record(f"version-{number % 700}", str(number), _type=kind)
        for number in range(12_000)
        for kind in ("message", "email")
    ]
    (tmp_path / "versions.ndjson").write_bytes(ndjson(*lines))

    sent = assert_success(
        send("send", "versions.ndjson", "--parallel", "8", "--json", "--wait")
    ).json()

    assert sent["accepted"] == 24_000
    rows = [row for batch_id in sent["batches"] for row in records_of(batch_id)]
    latest = {(row["_type"], row["_vendor_ids"]["id"]): row["data"]["text"] for row in rows}
    last = {(row["_type"], row["_vendor_ids"]["id"]): row["data"]["text"] for row in lines}
    assert latest == last


def test_sending_a_file_again_sends_nothing_twice(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "again.ndjson").write_bytes(ndjson(record("again")))

    first = assert_success(send("send", "again.ndjson", "--json")).json()
    second = assert_success(send("send", "again.ndjson", "--json")).json()

    assert (first["replayed"], second["replayed"]) == (0, 1)
    assert {**second, "replayed": 0} == first
    assert "1 of the accepted had been sent before" in send("send", "again.ndjson").out


def test_the_same_records_twice_in_one_run_arrive_twice(send: Cli, tmp_path: Path) -> None:
    for name, text in (("a", "old"), ("b", "new")):
        (tmp_path / f"{name}.ndjson").write_bytes(
            ndjson(record("thrice", text), *(record(f"filler-{n}") for n in range(999)))
        )

    sent = assert_success(
        send("send", "a.ndjson", "b.ndjson", "a.ndjson", "--json", "--wait")
    ).json()

    assert (len(set(sent["batches"])), sent["replayed"]) == (3, 0)
    [last] = [r for r in records_of(sent["batches"][2]) if r["_vendor_ids"]["id"] == "thrice"]
    assert last["data"]["text"] == "old"


def test_rejected_records_are_told_and_end_in_exit_code_1(send: Cli, tmp_path: Path) -> None:
    wrong = record("wrong", _event_at="yesterday")
    (tmp_path / "some.ndjson").write_bytes(ndjson(record("right"), wrong) + b"{oops\n")

    result = send("send", "some.ndjson", "--json")

    assert result.code == 1
    sent = result.json()
    assert (sent["accepted"], sent["rejected"]) == (1, 2)
    assert [(one["index"], one["code"]) for one in sent["errors"]] == [
        (1, "VALIDATION_ERROR"),
        (2, "INVALID_JSON"),
    ]
    said = send("send", "some.ndjson")
    assert said.code == 1
    assert "1 accepted, 2 rejected, 1 batch" in said.out
    assert "_event_at: must be" in said.out


def test_a_request_of_which_all_is_rejected_does_not_stop_the_others(
    send: Cli, tmp_path: Path
) -> None:
    wrong = record("wrong", _type="email", _event_at="yesterday")
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("before"), wrong, record("after")))

    result = send("send", "f.ndjson", "--json", "--wait")

    assert result.code == 1
    sent = result.json()
    assert (sent["accepted"], sent["rejected"], len(sent["batches"])) == (2, 1, 2)


def test_a_request_that_is_rejected_as_a_whole_does_not_stop_the_others(
    send: Cli, tmp_path: Path
) -> None:
    stray = [record(f"u{n}", _product_id="other") for n in range(3)]
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("u8"), *stray, record("u9", _type="email")))

    result = send("send", "f.ndjson", "--json")

    assert result.code == 1
    sent = result.json()
    assert (sent["accepted"], sent["rejected"], len(sent["batches"])) == (2, 3, 2)
    assert {error["code"] for error in sent["errors"]} == {"UNKNOWN_PRODUCT"}
    said = send("send", "f.ndjson").out
    assert "2 accepted, 3 rejected, 2 batches" in said
    assert "f.ndjson:2" in said


def test_the_index_of_a_rejected_record_counts_over_all_that_was_sent(
    send: Cli, tmp_path: Path
) -> None:
    wrong = record("wrong", _type="email", _event_at="yesterday")
    (tmp_path / "1.ndjson").write_bytes(ndjson(record("i1"), record("i2"), wrong))
    (tmp_path / "2.ndjson").write_bytes(ndjson(record("i3"), record("i4", _event_at="x")))

    result = send("send", "1.ndjson", "2.ndjson", "--json")

    errors = result.json()["errors"]
    assert [(one["index"], one["file"], one["line"]) for one in errors] == [
        (2, "1.ndjson", 3),
        (4, "2.ndjson", 2),
    ]


def test_an_empty_file_is_nothing_to_send(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty.ndjson").write_bytes(b"\n\n")

    assert "0 accepted, 0 rejected, 0 batches" in assert_success(send("send", "empty.ndjson")).out


BROKEN = {
    "not-there.json": None,
    "cut-off.json.gz": gzip.compress(ndjson(record("x")) * 50)[:-20],
    "no-gzip.json.gz": b"{}",
    "damaged.json.gz": gzip.compress(ndjson(record("x")) * 50)[:12] + b"\xff" * 30,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_is_named(send: Cli, tmp_path: Path, name: str) -> None:
    content = BROKEN[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)

    result = send("send", name)

    assert result.code == 1
    assert result.err.startswith(f"everlake: {name} cannot be read: ")


@pytest.mark.parametrize("key", ["em_sk_" + "x" * 43, "wrong"])
def test_a_wrong_key_is_a_clear_error(send: Cli, tmp_path: Path, key: str) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    result = send("send", "f.json", "--key", key)

    assert result.code == 1
    assert result.err.startswith("everlake: the server does not accept the key")
    assert "EVERLAKE_API_KEY" in result.err
    assert "x-api-key" not in result.err


@pytest.mark.parametrize("key", ["ключ", "em_sk_a b", "em_sk_a\nb"])
def test_a_key_that_can_be_none_is_told_before_anything_is_sent(
    send: Cli, tmp_path: Path, key: str
) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    result = send("send", "f.json", "--key", key)

    assert result.code == 2
    assert "copy it again" in result.err


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/ingest", "/lake"])
def test_a_url_with_a_path_is_a_clear_error(send: Cli, tmp_path: Path, path: str) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))
    url = os.environ["EVERLAKE_URL"]

    result = send("send", "f.json", "--url", url + path)

    assert result.code == 1
    assert "without a path such as /api/v1" in result.err


def test_a_key_that_may_not_write_is_a_clear_error(send: Cli, tmp_path: Path) -> None:
    made = assert_success(
        send("keys", "create", "--label", "r", "--permissions", "api:read", "--json")
    )
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    result = send("send", "f.json", "--key", made.json()["api_key"])

    assert result.code == 1
    assert "api:write" in result.err
    assert "--key" in result.err


def test_without_a_key_nothing_is_sent(
    send: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERLAKE_API_KEY")
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    result = send("send", "f.json")

    assert result.code == 2
    assert "--key-file" in result.err
    assert "EVERLAKE_API_KEY" in result.err


@pytest.mark.parametrize("url", ["127.0.0.1:8400", "ftp://x", "http://x:port", "http://"])
def test_a_url_that_is_none_is_a_clear_error_at_once(
    send: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it must not be tried again"))
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    result = send("send", "f.json", "--url", url)

    assert result.code == 1
    assert result.err.startswith("everlake: ")
    assert "URL" in result.err


def test_waiting_for_a_batch_that_fails_ends_in_exit_code_1_and_names_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = assert_success(
        cli("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json")
    ).json()
    data = tmp_path / "data"
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    def fail_it() -> None:
        catalog = open_catalog(f"sqlite:///{data / 'everlake.db'}")
        claimed: list[str] = []
        while not claimed:
            time.sleep(0.02)
            with catalog.transaction() as tx:
                claimed = [
                    batch.id
                    for batch in batch_queue.claim(
                        tx,
                        status=BatchStatus.LANDING,
                        owner="test",
                        now=2**42,
                        lease_ms=1,
                        max_batches=1,
                        max_records=1,
                        max_bytes=1,
                    )
                ]
                batch_queue.fail(tx, claimed, owner="test", now=0, reason="for the test")
        catalog.close()

    with running_server("api", data, NO_RATE_LIMIT) as alone:
        failing = threading.Thread(target=fail_it)
        failing.start()
        sent = cli("send", "f.json", "--url", alone.url, "--key", made["api_key"], "--wait")
        failing.join()

    assert sent.code == 1
    assert "1 accepted" in sent.out
    [batch] = assert_success(cli("batches", "list", "--json")).lines()
    batch_id = batch["batch_id"]
    assert f"batch {batch_id} is not COMPLETE: everlake batches show" in sent.out
    assert stored(cli, batch_id)["failure"] == "for the test"
    assert assert_success(cli("batches", "list", "--status", "FAILED", "--json")).json() == batch

    assert_success(cli("batches", "retry", batch_id))
    assert stored(cli, batch_id)["status"] == "LANDING"
    again = cli("batches", "retry", batch_id)
    assert again.code == 1
    assert "there is nothing to retry" in again.err


def test_batches_are_listed_newest_first_and_shown_one_by_one(send: Cli, tmp_path: Path) -> None:
    sent: list[str] = []
    for number in range(3):
        (tmp_path / "f.json").write_bytes(as_indented(record(f"list-{number}")))
        sent += assert_success(send("send", "f.json", "--json", "--wait")).json()["batches"]

    listed = assert_success(send("batches", "list", "--limit", "3", "--json")).lines()
    assert [one["batch_id"] for one in listed] == sent[::-1]
    assert {one["status"] for one in listed} == {"COMPLETE"}
    assert sent[0] in assert_success(send("batches", "list")).out
    complete = assert_success(
        send("batches", "list", "--status", "complete", "--limit", "1", "--json")
    )
    assert complete.json()["batch_id"] == sent[-1]
    assert send("batches", "list", "--status", "FAILED", "--json").code == 0

    words = assert_success(send("batches", "show", sent[0])).out
    for part in (sent[0], "COMPLETE", "message", ".ndjson.zst"):
        assert part in words


def test_a_batch_with_rejected_records_shows_why(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("s1"), record("s2", _event_at="x")))
    [batch_id] = send("send", "f.ndjson", "--json").json()["batches"]

    words = assert_success(send("batches", "show", batch_id)).out

    assert "_event_at: must be" in words
    assert ".rejected.ndjson.zst" in words


def test_what_was_said_is_found(send: Cli, tmp_path: Path) -> None:
    said = record("found", "The zeppelin export keeps failing")
    (tmp_path / "f.json").write_bytes(as_indented(said))
    assert_success(send("send", "f.json", "--wait"))

    hit = assert_success(send("search", "zeppelin exports", "--limit", "1", "--json")).json()

    assert hit["text"] == "The zeppelin export keeps failing"
    assert "The zeppelin export keeps failing" in assert_success(send("search", "zeppelin")).out
    assert "Nothing found." in assert_success(send("search", "zeppelin", "--type", "email")).out
    assert assert_success(send("search", "zeppelin", "--source", "slack", "--json")).out == ""


def test_the_key_comes_from_a_file(
    send: Cli, setup: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERLAKE_API_KEY")
    (tmp_path / "key.txt").write_text(setup["api_key"] + "\n")
    (tmp_path / "one.json").write_text(json.dumps(record("key-file")))

    assert_success(send("send", "one.json", "--key-file", "key.txt"))


def test_a_file_without_a_key_is_named(cli: Cli) -> None:
    result = cli("send", "one.json", "--key-file", "missing.txt")

    assert result.code == 1
    assert "missing.txt cannot be read" in result.err


def test_sample_records_are_all_accepted(send: Cli, cli: Cli, tmp_path: Path) -> None:
    made = assert_success(cli("sample", "--product-id", PRODUCT, "--project-id", PROJECT)).out
    file = tmp_path / "tickets.ndjson"
    file.write_text(made)

    sent = assert_success(send("send", str(file), "--json")).json()

    assert (sent["accepted"], sent["rejected"]) == (194, 0)
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    assert len(assert_success(cli("sample", *ids, "--with-errors")).out.splitlines()) == 202
