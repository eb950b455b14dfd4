"""``everlake send`` with rejected records: errors, positions, and sending them again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_workspaces import ndjson
from tests.support.command_line import Cli, CommandResult, assert_success
from tests.support.sent_records import (
    as_indented,
    get_json_text,
    record,
    records_of,
    stored,
)
from tests.support.server import PRODUCT

SOME = 2_300


def broken(number: int) -> bool:
    return number % 7 == 3


def mixed(prefix: str) -> list[dict[str, Any]]:
    """Many records, of which every seventh is rejected: more than a response shows."""
    return [
        record(f"{prefix}-{n}", f"text {n}", **({"_event_at": "never"} if broken(n) else {}))
        for n in range(SOME)
    ]


REFUSED = sum(map(broken, range(SOME)))


def batches_there() -> list[str]:
    return [
        one["batchId"] for one in json.loads(get_json_text("/api/v1/ingest/batches"))["batches"]
    ]


def counts(result: CommandResult) -> tuple[int, int]:
    sent = result.json()
    return sent["accepted"], sent["rejected"]


@pytest.mark.parametrize("form", ["lines.ndjson", "array.json"])
@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_all_rejected_records_are_put_into_a_file_that_can_be_corrected_and_sent(
    send: Cli, tmp_path: Path, form: str, option: tuple[str, ...]
) -> None:
    records = mixed(form + "".join(option))
    write = ndjson if form == "lines.ndjson" else as_indented
    (tmp_path / form).write_bytes(write(*records))

    first = send("send", form, "--rejected-to", "rejected.ndjson", "--json", *option)

    assert first.code == 1
    assert counts(first) == (SOME - REFUSED, REFUSED)
    lines = (tmp_path / "rejected.ndjson").read_text().splitlines()
    wrong = [each for number, each in enumerate(records) if broken(number)]
    assert [json.loads(line) for line in lines] == wrong
    corrected = "\n".join(lines).replace("never", "2026-03-01T10:00:00Z")
    (tmp_path / "corrected.ndjson").write_text(corrected)
    assert counts(assert_success(send("send", "corrected.ndjson", "--json"))) == (REFUSED, 0)


def test_a_rejected_record_of_lines_stands_in_the_file_byte_for_byte(
    send: Cli, tmp_path: Path
) -> None:
    lines = [
        b'{"_type": "email",  "data": {"n": 1.10, "n": 1e400, "t": "\\u00e9"}}',
        b"{not even JSON",
        b'{"_type": "email", "x": "\xff"}',
        b'["no", "record"]',
    ]
    (tmp_path / "f.ndjson").write_bytes(b"\n".join(lines))

    result = send("send", "f.ndjson", "--rejected-to", "rejected.ndjson")

    assert result.code == 1
    assert (tmp_path / "rejected.ndjson").read_bytes().splitlines() == lines
    assert "4 rejected records in rejected.ndjson" in result.out


def test_a_second_run_puts_the_same_rejected_records_into_its_file(
    send: Cli, tmp_path: Path
) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson(*mixed("second-run")))

    send("send", "f.ndjson", "--rejected-to", "1.ndjson")
    again = send("send", "f.ndjson", "--rejected-to", "2.ndjson", "--json")

    assert again.json()["replayed"] == SOME - REFUSED
    assert (tmp_path / "1.ndjson").read_bytes() == (tmp_path / "2.ndjson").read_bytes()


def test_a_file_for_rejected_records_is_never_written_over(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("kept")))
    (tmp_path / "mine.ndjson").write_text("precious")

    for name, why in (("mine.ndjson", "exists"), ("no/such/place", "cannot be created")):
        result = send("send", "f.json", "--rejected-to", name)
        assert result.code == 1
        assert why in result.err
    assert (tmp_path / "mine.ndjson").read_text() == "precious"


def test_where_nothing_is_rejected_no_file_is_left(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("fine")))

    assert_success(send("send", "f.json", "--rejected-to", "rejected.ndjson"))

    assert not (tmp_path / "rejected.ndjson").exists()


def test_rejected_records_are_not_put_where_the_next_run_would_send_them(
    send: Cli, tmp_path: Path
) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "f.json").write_bytes(as_indented(record("fine")))

    result = send("send", "export", "--rejected-to", "export/rejected.ndjson")

    assert result.code == 1
    assert "name a file elsewhere" in result.err


def test_a_dry_run_says_what_would_come_of_it_and_stores_nothing(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("dry"), record("dry-2", _event_at="x")))
    before = batches_there()

    said = send("send", "f.ndjson", "--dry-run", "--wait")

    assert said.code == 1
    assert "1 would be accepted, 1 rejected" in said.out
    assert "_event_at: must be" in said.out
    assert batches_there() == before
    really = send("send", "f.ndjson", "--json").json()
    assert (really["accepted"], really["replayed"]) == (1, 0)


def test_errors_are_told_by_kind_with_their_number_and_first_place(
    send: Cli, tmp_path: Path
) -> None:
    people = [{"id": "a", "role": "internal"}, {"id": "b", "role": "boss"}]
    (tmp_path / "1.ndjson").write_bytes(ndjson(record("k1"), record("k2", _participants=people)))
    array = as_indented(record("k3", _participants=people[::-1]), record("k4", _tags="x"))
    (tmp_path / "2.json").write_bytes(array)
    line = 1 + array.split(b"\n").index(b"  {", 2)

    said = send("send", "1.ndjson", "2.json").out

    [row] = [line for line in said.splitlines() if "_participants" in line]
    assert row.split()[:3] == ["2", "VALIDATION_ERROR", "1.ndjson:2"]
    assert "_participants[n].role: must be internal, external or unknown" in row
    [row] = [line for line in said.splitlines() if "_tags" in line]
    assert f"2.json:{line} (record 2)" in row


def test_names_from_a_file_are_shown_as_they_are_and_not_as_markup(
    send: Cli, tmp_path: Path
) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson({**record("m"), "[/red][bold]x": 1}))

    assert "[/red][bold]x: is not a member" in send("send", "f.ndjson").out


def test_what_is_broken_within_a_file_is_named_and_the_rest_is_sent(
    send: Cli, tmp_path: Path
) -> None:
    good = [json.dumps(record(f"broken-{n}")) for n in range(4)]
    array = f'[{good[0]}, {{"_type": oops}},\n{good[1]} {good[2]},\n"\udcff",\n{good[3]}'
    (tmp_path / "f.json").write_bytes(array.encode(errors="surrogateescape"))
    (tmp_path / "g.ndjson").write_bytes(ndjson(record("broken-5")) + b"{oops\n\xff\n")

    result = send("send", "f.json", "g.ndjson", "--json", "--rejected-to", "refused")

    assert result.code == 1
    sent = result.json()
    assert counts(result) == (3, 5)
    assert [(error["file"], error["line"], error["code"]) for error in sent["errors"]] == [
        ("f.json", 1, "INVALID_JSON"),
        ("f.json", 2, "INVALID_JSON"),
        ("f.json", 3, "INVALID_JSON"),
        ("g.ndjson", 2, "INVALID_JSON"),
        ("g.ndjson", 3, "INVALID_JSON"),
    ]
    [unread] = sent["unread"]
    assert unread.startswith("f.json ends before its array does")
    assert sorted((tmp_path / "refused").read_bytes().splitlines()) == sorted(
        [
            b'{"_type": oops}',
            f"{good[1]} {good[2]}".encode(),
            b'"\xff"',
            b"{oops",
            b"\xff",
        ]
    )


@pytest.mark.parametrize("form", ["lines.ndjson", "array.json"])
def test_a_record_that_no_request_can_hold_is_rejected_and_the_others_are_sent(
    send: Cli, tmp_path: Path, form: str
) -> None:
    records = [record(f"long-1-{form}"), record("long", "x" * 5_300_000), record(f"long-2-{form}")]
    text = ndjson(*records) if form == "lines.ndjson" else as_indented(*records)
    (tmp_path / form).write_bytes(text)

    result = send("send", form, "--json")

    assert counts(result) == (2, 1)
    [error] = result.json()["errors"]
    assert error["code"] == "PAYLOAD_TOO_LARGE"
    assert error["index"] == 1
    said = send("send", form, "--rejected-to", "rejected.ndjson").out
    assert "not in rejected.ndjson: 1 rejected record, too long for a request" in said


def test_files_that_are_none_of_records_are_named_and_the_others_are_sent(
    send: Cli, tmp_path: Path
) -> None:
    (tmp_path / os.fsdecode(b"a\xff.csv")).write_text("id,text\n1,x\n")
    (tmp_path / "b.json").write_bytes(json.dumps([record("utf-16")]).encode("utf-16"))
    (tmp_path / "c.json").write_bytes(as_indented(record("fine")))

    result = send("send", os.fsdecode(b"a\xff.csv"), "b.json", "c.json")

    assert result.code == 1
    assert "everlake: a\ufffd.csv holds no JSON records" in result.err
    assert "everlake: b.json is not UTF-8" in result.err
    assert "1 accepted, 0 rejected" in result.out


def test_attachments_are_spread_over_as_many_requests_as_they_need(
    send: Cli, tmp_path: Path
) -> None:
    ten = [{"type": "file", "filename": str(n)} for n in range(10)]
    (tmp_path / "f.ndjson").write_bytes(
        ndjson(*(record(f"attached-{n}", _attachments=ten) for n in range(101)))
    )

    sent = assert_success(send("send", "f.ndjson", "--json")).json()

    assert [stored(send, one)["accepted_count"] for one in sent["batches"]] == [100, 1]


def test_versions_of_a_record_under_two_products_arrive_in_the_order_of_the_file(
    send: Cli, tmp_path: Path
) -> None:
    second = assert_success(send("products", "create", "--json")).json()["product_id"]
    project = assert_success(send("projects", "create", "--product", second, "--json")).json()[
        "project_id"
    ]
    other = {"_product_id": second, "_project_ids": [project]}
    old, new = record("moved", "old"), record("moved", "new", **other)
    fillers = [record(f"move-{n}", "", **other) for n in range(999)]
    (tmp_path / "f.ndjson").write_bytes(ndjson(old, *fillers[:500], new, *fillers[500:]))

    sent = assert_success(send("send", "f.ndjson", "--json", "--wait")).json()

    rows = [row for batch_id in sent["batches"] for row in records_of(batch_id)]
    [latest] = [row for row in rows if row["_vendor_ids"]["id"] == "moved"]
    assert (latest["data"]["text"], latest["_product_id"]) == ("new", second)
    assert latest["_product_id"] != PRODUCT
