"""``everlake send --attach``: files go first, and with one record only."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_workspaces import ndjson
from tests.support.command_line import Cli, assert_success
from tests.support.sent_records import get_json_text, record, records_of


def attached(batch_id: str) -> list[dict[str, Any]]:
    (found,) = records_of(batch_id)
    return found["_attachments"]


def sent(result: Any) -> str:
    (batch_id,) = assert_success(result).json()["batches"]
    return batch_id


def test_files_are_uploaded_and_named_by_the_record(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(record("attach-1"), indent=2))
    (tmp_path / "call.mp3").write_bytes(b"audio")
    (tmp_path / "notes").write_bytes(b"")

    batch_id = sent(
        send("send", "r.json", "--attach", "call.mp3", "--attach", "notes", "--wait", "--json")
    )

    first, second = attached(batch_id)
    assert (first["type"], first["filename"], first["size"]) == ("audio", "call.mp3", 5)
    assert first["mime_type"] == "audio/mpeg"
    assert (second["type"], second["filename"], second["size"]) == ("file", "notes", 0)
    for each in (first, second):
        upload = json.loads(get_json_text(f"/api/v1/uploads/{each['upload_intent_id']}"))
        assert (upload["status"], upload["size"]) == ("COMPLETE", each["size"])


@pytest.mark.parametrize(
    ("name", "kind", "mime_type"),
    [
        ("a.mp4", "video", "video/mp4"),
        ("a.png", "image", "image/png"),
        ("a.txt", "text", "text/plain"),
        ("a.pdf", "file", "application/pdf"),
        ("a.txt.gz", "file", "application/octet-stream"),
        ("a.unheard-of", "file", "application/octet-stream"),
        ("Überblick «1».png", "image", "image/png"),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_name(
    send: Cli, tmp_path: Path, name: str, kind: str, mime_type: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    body = ndjson(record(f"kind-{name}"))
    batch_id = sent(send("send", "-", "--attach", name, "--wait", "--json", stdin=body))
    (only,) = attached(batch_id)
    assert (only["type"], only["mime_type"], only["filename"]) == (kind, mime_type, name)


def test_what_the_record_has_stays_as_it_is(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    before = {"type": "file", "filename": "before", "vendor_url": "http://127.0.0.1:9/x"}
    text = json.dumps(record("keeps", _attachments=[before], data={"n": "@"}))
    text = text.replace('"@"', "1.10e+2")
    batch_id = sent(send("send", "-", "--attach", "a.txt", "--wait", "--json", stdin=text.encode()))
    first, second = attached(batch_id)
    assert first == before
    assert second["filename"] == "a.txt"
    assert '"n": 1.10e+2' in get_json_text("/api/v1/records", batch=batch_id)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "there is none"),
        (ndjson(record("1"), record("2")), "there are more"),
        (json.dumps([record("1"), record("2")]).encode(), "there are more"),
        (b"[1]", "not a JSON object"),
        (b"[{]", "not JSON"),
        (json.dumps(record("1", _attachments={})).encode(), "_attachments must be an array"),
        (json.dumps(record("1", _type="fax")).encode(), "would be rejected: _type"),
    ],
)
def test_anything_but_one_right_record_is_rejected_before_files_go_out(
    send: Cli, tmp_path: Path, body: bytes, words: str
) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    result = send("send", "-", "--attach", "a.txt", stdin=body)
    assert result.code == 1
    assert words in result.err
    assert "uploaded" not in result.err


@pytest.mark.parametrize("name", ["missing.mp3", "."])
def test_a_file_that_is_none_is_told_before_anything_is_sent(send: Cli, name: str) -> None:
    result = send("send", "-", "--attach", name, stdin=ndjson(record("1")))
    assert result.code == 1
    assert name in result.err
    assert "accepted" not in result.out


def test_a_dry_run_uploads_nothing(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    result = send("send", "-", "--attach", "a.txt", "--dry-run", stdin=ndjson(record("1")))
    assert result.code == 1
    assert "--dry-run stores nothing" in result.err


def test_what_was_uploaded_is_told(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    result = assert_success(send("send", "-", "--attach", "a.txt", stdin=ndjson(record("told"))))
    assert "uploaded a.txt, 5 bytes" in result.err
    assert "1 accepted" in result.out
