"""``everlake send`` to a real server, and what the commands beside it then show."""

import gzip
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.client import ApiError, Client, Unreachable
from everlake.contract.batch import BatchStatus
from tests.integration.cli.command import Cli, well
from tests.integration.server import FAST, PRODUCT, PROJECT, Server, everlake, running

Setup = Mapping[str, str]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("send")
    made = everlake("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data)
    return {**json.loads(made.stdout), "data": str(data)}


@pytest.fixture(scope="module")
def server(setup: Setup) -> Iterator[Server]:
    with running("serve", Path(setup["data"]), FAST) as started:
        yield started


@pytest.fixture
def send(cli: Cli, setup: Setup, server: Server, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs commands against the server and its data directory."""
    monkeypatch.setenv("EVERLAKE_DATA", setup["data"])
    monkeypatch.setenv("EVERLAKE_URL", server.url)
    monkeypatch.setenv("EVERLAKE_API_KEY", setup["api_key"])
    return cli


def record(name: str, text: str = "hello", **changes: Any) -> dict[str, Any]:
    return {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"id": name},
        "_product_id": PRODUCT,
        "_project_ids": [PROJECT],
        "data": {"text": text},
        **changes,
    }


def stored(cli: Cli, batch_id: str) -> Any:
    return well(cli("batches", "show", batch_id, "--json")).json()


def ndjson(*records: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def as_indented(*records: Any) -> bytes:
    return json.dumps(list(records), indent=2).encode()


FORMS = {
    "one.json": lambda: json.dumps(record("one"), indent=2).encode(),
    "array.json": lambda: as_indented(record("a1"), record("a2")),
    "wrapper.json": lambda: json.dumps({"records": [record("w1"), record("w2")]}).encode(),
    "lines.ndjson": lambda: ndjson(record("l1"), record("l2"), record("l3")) + b"\n\n",
    "no-last-break.ndjson": lambda: ndjson(record("n1"), record("n2")).rstrip(),
    "windows.ndjson": lambda: ndjson(record("r1"), record("r2")).replace(b"\n", b"\r\n"),
    "packed.json.gz": lambda: gzip.compress(as_indented(record("g1"), record("g2"))),
    "packed.ndjson.gz": lambda: gzip.compress(ndjson(record("h1"))),
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
}


@pytest.mark.parametrize("name", FORMS)
def test_records_are_read_from_files_of_every_form(send: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name]())

    sent = well(send("send", name, "--json")).json()

    assert (sent["accepted"], sent["rejected"], sent["errors"]) == (COUNTS[name], 0, [])
    [batch_id] = sent["batches"]
    assert stored(send, batch_id)["acceptedCount"] == COUNTS[name]


def test_records_are_read_from_standard_input(send: Cli) -> None:
    sent = well(send("send", "-", "--json", stdin=ndjson(record("stdin")))).json()

    assert sent["accepted"] == 1


def test_data_arrives_as_it_stands_in_a_file_of_lines(send: Cli, tmp_path: Path) -> None:
    data = '{"text" :  "caf\\u00e9",  "n": 1.50, "text": "twice"}'
    line = json.dumps(record("verbatim")).replace('{"text": "hello"}', data)
    (tmp_path / "v.ndjson").write_text(line + "\n")

    [batch_id] = well(send("send", "v.ndjson", "--json", "--wait")).json()["batches"]

    [row] = json.loads(_records(send, batch_id))["records"]
    assert row["data"] == json.loads(data)
    assert f'"data":{data}' in _records(send, batch_id)


def _records(send: Cli, batch_id: str) -> str:
    import os  # noqa: PLC0415 - the environment that the fixture set

    with Client(os.environ["EVERLAKE_URL"], os.environ["EVERLAKE_API_KEY"]) as client:
        answer = client._ask("GET", "/api/v1/records", params={"batch": batch_id})
    return answer.text


def test_mixed_records_are_parted_into_requests_and_keep_their_order(
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

    sent = well(send("send", "mixed.ndjson", "--json")).json()

    shown = [stored(send, batch_id) for batch_id in sent["batches"]]
    assert [(one["type"], one["acceptedCount"]) for one in shown] == [
        ("message", 2),
        ("email", 2),
        ("message", 1),
    ]


def test_more_records_than_a_request_may_hold_are_parted(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "many.ndjson").write_bytes(ndjson(*(record(f"many-{n}") for n in range(1_001))))

    sent = well(send("send", "many.ndjson", "--json")).json()

    assert sent["accepted"] == 1_001
    assert [stored(send, one)["acceptedCount"] for one in sent["batches"]] == [1_000, 1]


def test_more_bytes_than_a_request_may_hold_are_parted(send: Cli, tmp_path: Path) -> None:
    large = [record(f"large-{n}", "x" * 2_000_000) for n in range(4)]
    (tmp_path / "large.ndjson").write_bytes(ndjson(*large))

    sent = well(send("send", "large.ndjson", "--json")).json()

    assert sent["accepted"] == 4
    assert len(sent["batches"]) == 2


def test_many_files_are_sent_in_their_order(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(as_indented(record("same", "first")))
    (tmp_path / "2.json").write_bytes(as_indented(record("same", "second")))

    sent = well(send("send", "1.json", "2.json", "--json", "--wait")).json()

    assert sent["accepted"] == 2
    assert _texts(send, sent["batches"][-1]) == ["second"]


def _texts(send: Cli, batch_id: str) -> list[str]:
    return [row["data"]["text"] for row in json.loads(_records(send, batch_id))["records"]]


def test_sending_a_file_again_sends_nothing_twice(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "again.ndjson").write_bytes(ndjson(record("again")))

    first = well(send("send", "again.ndjson", "--json")).json()
    second = well(send("send", "again.ndjson", "--json")).json()

    assert second == first


def test_refused_records_are_told_and_end_in_exit_code_1(send: Cli, tmp_path: Path) -> None:
    wrong = record("wrong", _event_at="yesterday")
    (tmp_path / "some.ndjson").write_bytes(ndjson(record("right"), wrong) + b"{oops\n")

    refused = send("send", "some.ndjson", "--json")

    assert refused.code == 1
    sent = refused.json()
    assert (sent["accepted"], sent["rejected"]) == (1, 2)
    assert [(one["index"], one["code"]) for one in sent["errors"]] == [
        (1, "VALIDATION_ERROR"),
        (2, "INVALID_JSON"),
    ]
    said = send("send", "some.ndjson")
    assert said.code == 1
    assert "1 accepted, 2 refused, 1 batches" in said.out
    assert "_event_at: must be" in said.out


def test_a_request_of_which_all_is_refused_does_not_stop_the_others(
    send: Cli, tmp_path: Path
) -> None:
    wrong = record("wrong", _type="email", _event_at="yesterday")
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("before"), wrong, record("after")))

    refused = send("send", "f.ndjson", "--json", "--wait")

    assert refused.code == 1
    sent = refused.json()
    assert (sent["accepted"], sent["rejected"], len(sent["batches"])) == (2, 1, 3)


def test_what_was_sent_before_a_request_was_refused_as_a_whole_is_told(
    send: Cli, tmp_path: Path
) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("u1"), record("u2", _product_id="other")))

    refused = send("send", "f.ndjson", "--json")

    assert refused.code == 1
    assert refused.err.startswith("everlake: UNKNOWN_PRODUCT: ")
    assert (refused.json()["accepted"], len(refused.json()["batches"])) == (1, 1)
    assert "1 accepted, 0 refused, 1 batches" in send("send", "f.ndjson").out


def test_the_index_of_a_refused_record_counts_over_all_that_was_sent(
    send: Cli, tmp_path: Path
) -> None:
    wrong = record("wrong", _type="email", _event_at="yesterday")
    (tmp_path / "1.ndjson").write_bytes(ndjson(record("i1"), record("i2"), wrong))
    (tmp_path / "2.ndjson").write_bytes(ndjson(record("i3"), record("i4", _event_at="x")))

    refused = send("send", "1.ndjson", "2.ndjson", "--json")

    assert [one["index"] for one in refused.json()["errors"]] == [2, 4]


def test_an_empty_file_is_nothing_to_send(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty.ndjson").write_bytes(b"\n\n")

    assert "0 accepted, 0 refused, 0 batches" in well(send("send", "empty.ndjson")).out


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

    refused = send("send", name)

    assert refused.code == 1
    assert refused.err.startswith(f"everlake: {name} cannot be read: ")


@pytest.mark.parametrize("key", ["em_sk_" + "x" * 43, "wrong", "ключ"])
def test_a_wrong_key_is_a_clear_error(send: Cli, tmp_path: Path, key: str) -> None:
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    refused = send("send", "f.json", "--key", key)

    assert refused.code == 1
    assert refused.err.startswith("everlake: UNAUTHORIZED: A live API key is needed")


def test_a_key_that_may_not_write_is_a_clear_error(send: Cli, tmp_path: Path) -> None:
    made = well(send("keys", "create", "--label", "r", "--permissions", "api:read", "--json"))
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    refused = send("send", "f.json", "--key", made.json()["api_key"])

    assert refused.code == 1
    assert "FORBIDDEN" in refused.err
    assert "api:write" in refused.err


def test_without_a_key_nothing_is_sent(
    send: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERLAKE_API_KEY")
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    refused = send("send", "f.json")

    assert refused.code == 2
    assert "--key" in refused.err


@pytest.mark.parametrize("url", ["127.0.0.1:8400", "ftp://x", "http://x:port", "http://"])
def test_a_url_that_is_none_is_a_clear_error_at_once(
    send: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it must not be tried again"))
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    refused = send("send", "f.json", "--url", url)

    assert refused.code == 1
    assert refused.err.startswith("everlake: ")
    assert "URL" in refused.err


def test_a_server_that_is_away_is_a_clear_error(server: Server, setup: Setup) -> None:
    with (
        Client("http://127.0.0.1:9", setup["api_key"], attempts=2) as client,
        pytest.raises(Unreachable, match=r"does not answer .* is the server running"),
    ):
        client.ingest(b"{}", idempotency_key="x")


class Stranger(BaseHTTPRequestHandler):
    """A server that is not Everlake."""

    answers: ClassVar[list[tuple[int, bytes, dict[str, str]]]] = []
    asked: ClassVar[int] = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        status, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    Stranger.asked = 0
    with HTTPServer(("127.0.0.1", 0), Stranger) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>", {}), (202, b"{}", {}), (404, b"<html>", {}), (301, b"", {"location": "/x"})],
)
def test_a_server_that_is_not_everlake_is_a_clear_error(
    stranger: str, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    Stranger.answers = [answer]

    with (
        Client(stranger, "em_sk_x") as client,
        pytest.raises(Unreachable, match="not as Everlake does: is the URL right"),
    ):
        client.ingest(b"{}", idempotency_key="x")

    assert Stranger.asked == 1


def test_a_proxy_that_says_later_in_its_own_words_is_asked_again(stranger: str) -> None:
    receipt = b'{"batchId":"b","acceptedCount":1,"rejectedCount":0,"totalErrorCount":0}'
    Stranger.answers = [(502, b"<html>", {}), (504, b"", {}), (202, receipt, {})]

    with Client(stranger, "em_sk_x") as client:
        assert client.ingest(b"{}", idempotency_key="x").batchId == "b"

    assert Stranger.asked == 3


def test_a_client_waits_as_long_as_it_is_told(
    stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = b'{"error":"RATE_LIMITED","message":"wait","retryAfter":0.5}'
    away = b'{"error":"UNAVAILABLE","message":"full"}'
    receipt = b'{"batchId":"b","acceptedCount":1,"rejectedCount":0,"totalErrorCount":0}'
    Stranger.answers = [
        (429, limited, {"retry-after": "1"}),
        (503, away, {"retry-after": "5"}),
        (202, receipt, {}),
    ]
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)

    with Client(stranger, "em_sk_x") as client:
        client.ingest(b"{}", idempotency_key="x")

    assert 0.5 <= waited[0] < 1
    assert 5 <= waited[1] < 7


def test_a_client_gives_up_in_the_end_and_says_why(
    stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Stranger.answers = [(503, b'{"error":"UNAVAILABLE","message":"the disk is full"}', {})]
    monkeypatch.setattr(time, "sleep", lambda _: None)

    with (
        Client(stranger, "em_sk_x", attempts=3) as client,
        pytest.raises(ApiError, match="UNAVAILABLE: the disk is full"),
    ):
        client.ingest(b"{}", idempotency_key="x")

    assert Stranger.asked == 3


def test_waiting_for_a_batch_that_fails_ends_in_exit_code_1_and_names_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = well(cli("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json")).json()
    data = tmp_path / "data"
    (tmp_path / "f.json").write_bytes(as_indented(record("x")))

    def fail_it() -> None:
        catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")
        claimed: list[str] = []
        while not claimed:
            time.sleep(0.02)
            with catalog.write() as tx:
                claimed = [
                    batch.id
                    for batch in batches.claim(
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
                batches.fail(tx, claimed, owner="test", now=0, reason="for the test")
        catalog.close()

    with running("api", data, FAST) as alone:
        failing = threading.Thread(target=fail_it)
        failing.start()
        sent = cli("send", "f.json", "--url", alone.url, "--key", made["api_key"], "--wait")
        failing.join()

    assert sent.code == 1
    assert "1 accepted" in sent.out
    [batch] = well(cli("batches", "list", "--json")).lines()
    batch_id = batch["batchId"]
    assert f"batch {batch_id} is not COMPLETE: everlake batches show" in sent.out
    assert stored(cli, batch_id)["failure"] == "for the test"
    assert well(cli("batches", "list", "--status", "FAILED", "--json")).json() == batch

    well(cli("batches", "retry", batch_id))
    assert stored(cli, batch_id)["status"] == "LANDING"
    again = cli("batches", "retry", batch_id)
    assert again.code == 1
    assert "there is nothing to retry" in again.err


def test_batches_are_listed_newest_first_and_shown_one_by_one(send: Cli, tmp_path: Path) -> None:
    sent: list[str] = []
    for number in range(3):
        (tmp_path / "f.json").write_bytes(as_indented(record(f"list-{number}")))
        sent += well(send("send", "f.json", "--json", "--wait")).json()["batches"]

    listed = well(send("batches", "list", "--limit", "3", "--json")).lines()
    assert [one["batchId"] for one in listed] == sent[::-1]
    assert {one["status"] for one in listed} == {"COMPLETE"}
    assert sent[0] in well(send("batches", "list")).out
    complete = well(send("batches", "list", "--status", "complete", "--limit", "1", "--json"))
    assert complete.json()["batchId"] == sent[-1]
    assert send("batches", "list", "--status", "FAILED", "--json").code == 0

    words = well(send("batches", "show", sent[0])).out
    for part in (sent[0], "COMPLETE", "message", ".ndjson.zst"):
        assert part in words


def test_a_batch_with_refused_records_shows_why(send: Cli, tmp_path: Path) -> None:
    (tmp_path / "f.ndjson").write_bytes(ndjson(record("s1"), record("s2", _event_at="x")))
    [batch_id] = send("send", "f.ndjson", "--json").json()["batches"]

    words = well(send("batches", "show", batch_id)).out

    assert "_event_at: must be" in words
    assert ".rejected.ndjson.zst" in words


def test_what_was_said_is_found(send: Cli, tmp_path: Path) -> None:
    said = record("found", "The zeppelin export keeps failing")
    (tmp_path / "f.json").write_bytes(as_indented(said))
    well(send("send", "f.json", "--wait"))

    hit = well(send("search", "zeppelin exports", "--limit", "1", "--json")).json()

    assert hit["text"] == "The zeppelin export keeps failing"
    assert "The zeppelin export keeps failing" in well(send("search", "zeppelin")).out
    assert "Nothing found." in well(send("search", "zeppelin", "--type", "email")).out
    assert well(send("search", "zeppelin", "--source", "slack", "--json")).out == ""
