"""From a file that a record points to, to a search that finds what it says."""

import json
import threading

import pytest

from everlake.attachments.paths import text_path
from everlake.catalog import attachments, jobs, texts
from everlake.catalog.attachments import TextStage
from everlake.catalog.jobs import JobKind
from everlake.contract.attachments import TextStatus
from everlake.lake import LakeUnavailable
from everlake.search import search
from everlake.storage import StorageUnavailable
from everlake.worker.attachments.service import expire_leases
from tests.support.attachment_texts import NOTE, Files, files, found, text_of
from tests.support.job_rows import job_of
from tests.support.rebuilds import rebuild_workspace
from tests.support.worker_attachments import (
    attach,
    attachment_worker,
    landed,
    rows_of,
    with_attachments,
)
from tests.support.worker_fixture import ShiftedClock, WorkerFixture

__all__ = ["files"]

VTT = """WEBVTT

00:00:01.000 --> 00:00:04.000
<v Ada Lovelace>Our invoices arrive in the wrong currency.

00:00:05.000 --> 00:00:08.000
<v Sam Support>I will raise that with the billing team.
"""


def attempts(home: WorkerFixture, kind: JobKind, batch_id: str) -> int:
    """Failed attempts at the text of the batch's first attachment."""
    return job_of(home.catalog, kind, rows_of(home, batch_id)[0].id).attempts


def test_what_a_file_says_is_found_with_its_name(home: WorkerFixture, files: Files) -> None:
    url = files.put("note.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="note.txt"), text="Hello"))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), "note.txt")]
    assert found(home, "hello") == [("Hello", None)]
    assert text_of(home, batch_id).status is TextStatus.COMPLETE


def test_captions_become_turns_of_their_speakers(home: WorkerFixture, files: Files) -> None:
    url = files.put("call.vtt", VTT)
    record = with_attachments("a", attach(url, filename="call.vtt"))
    record["_participants"] = [{"id": "1", "role": "external", "name": "Ada Lovelace"}]
    batch_id = landed(home, record)
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    [hit] = search(home.lake, home.workspace_id, "currency", limit=10).hits
    assert (hit.speaker, hit.role, hit.attachment) == ("Ada Lovelace", "external", "call.vtt")


def test_an_attachment_without_a_name_is_known_by_its_id(home: WorkerFixture, files: Files) -> None:
    batch_id = landed(home, with_attachments("a", attach(files.put("x.txt", NOTE))))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), rows_of(home, batch_id)[0].id)]


def test_texts_wait_for_the_analysis_of_their_batch(home: WorkerFixture, files: Files) -> None:
    record = with_attachments("a", attach(files.put("n.txt", NOTE), filename="n.txt"))
    batch_id = landed(home, record, analysed=False)
    with attachment_worker(home) as fetcher:
        for _ in range(200):
            fetcher.run_once()
            if rows_of(home, batch_id)[0].text_status is TextStage.READY:
                break
        fetcher.run_once()
        assert found(home, "freezes") == []
        home.process_all()
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]


def test_a_file_that_cannot_be_read_fails_alone(home: WorkerFixture, files: Files) -> None:
    torn = files.put("torn.pdf", b"%PDF-1.7\n1 0 obj <<\n")
    good = files.put("good.txt", NOTE)
    batch_id = landed(
        home,
        with_attachments("a", attach(torn, filename="torn.pdf"), attach(good, filename="good.txt")),
    )
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    failed = text_of(home, batch_id, 0)
    assert failed.status is TextStatus.FAILED
    assert failed.error is not attachments.UNSET
    assert found(home, "freezes") == [(NOTE.strip(), "good.txt")]
    with home.catalog.transaction() as tx:
        now = home.catalog.now_ms()
        assert texts.retry_failed(tx, home.workspace_id, batch_id, now=now) == 1
    with attachment_worker(home, "again") as fetcher:
        fetcher.run_until_settled(batch_id)
    assert text_of(home, batch_id, 0).status is TextStatus.FAILED


def test_the_same_content_is_read_once(home: WorkerFixture, files: Files) -> None:
    url = files.put("n.txt", NOTE)
    first = landed(home, with_attachments("a", attach(url, filename="first.txt")))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(first)
    place = home.data / text_path(home.workspace_id, rows_of(home, first)[0].sha256 or "")
    before = place.stat().st_mtime_ns
    second = landed(home, with_attachments("b", attach(url, filename="second.txt")))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(second)
    assert place.stat().st_mtime_ns == before
    assert sorted(found(home, "freezes")) == [
        (NOTE.strip(), "first.txt"),
        (NOTE.strip(), "second.txt"),
    ]


def test_a_text_that_is_lost_is_read_again(
    home: WorkerFixture, files: Files, clock: ShiftedClock
) -> None:
    record = with_attachments("a", attach(files.put("n.txt", NOTE), filename="n.txt"))
    batch_id = landed(home, record, analysed=False)
    with attachment_worker(home) as fetcher:
        while rows_of(home, batch_id)[0].text_status is not TextStage.READY:
            fetcher.run_once()
        place = home.data / text_path(home.workspace_id, rows_of(home, batch_id)[0].sha256 or "")
        place.write_bytes(place.read_bytes()[:-3])
        home.process_all()
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]


def test_a_record_that_came_again_without_the_file_does_not_say_it_any_more(
    home: WorkerFixture, files: Files
) -> None:
    url = files.put("n.txt", NOTE)
    first = landed(home, with_attachments("same", attach(url, filename="n.txt")))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(first)
        assert len(found(home, "freezes")) == 1
        landed(home, with_attachments("same", text="changed"))
        assert found(home, "freezes") == []


def test_an_older_version_that_is_read_late_says_nothing(home: WorkerFixture, files: Files) -> None:
    url = files.put("n.txt", NOTE)
    first = landed(home, with_attachments("same", attach(url, filename="n.txt")))
    landed(home, with_attachments("same", text="changed"))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(first)
    assert found(home, "freezes") == []
    assert text_of(home, first).status is TextStatus.COMPLETE


def test_a_second_analysis_keeps_what_the_files_say(home: WorkerFixture, files: Files) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    home.analysis_stage().process([home.batch(batch_id)])
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]


def test_a_rebuild_brings_the_texts_back(home: WorkerFixture, files: Files) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    rebuild_workspace(home)
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]
    assert text_of(home, batch_id).status is TextStatus.COMPLETE


def test_tables_in_trouble_are_waited_out(
    home: WorkerFixture, files: Files, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    write, failed = home.lake.utterances.write_attachments, threading.Event()

    def once(*arguments: object) -> object:
        if not failed.is_set():
            failed.set()
            raise LakeUnavailable("away")
        return write(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(home.lake.utterances, "write_attachments", once)
    with attachment_worker(home) as fetcher:
        while not failed.is_set():
            fetcher.run_once()
        assert attempts(home, JobKind.INDEX_TEXT, batch_id) == 0
        clock.advance(5_000)
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]


def test_a_storage_in_trouble_is_waited_out(
    home: WorkerFixture, files: Files, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    put_many, failed = home.store.put_many, threading.Event()

    def once(objects: list[tuple[str, bytes]]) -> None:
        if "/text=" in objects[0][0] and not failed.is_set():
            failed.set()
            raise StorageUnavailable("away")
        put_many(objects)

    monkeypatch.setattr(home.store, "put_many", once)
    with attachment_worker(home) as fetcher:
        while not failed.is_set():
            fetcher.run_once()
        assert attempts(home, JobKind.EXTRACT_TEXT, batch_id) == 0
        clock.advance(10_000)
        fetcher.run_until_settled(batch_id)
    assert found(home, "freezes") == [(NOTE.strip(), "n.txt")]


def test_a_workspace_that_another_worker_writes_is_left_to_it(
    home: WorkerFixture, files: Files, clock: ShiftedClock
) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    writers = home.writer_leases()
    writers.acquire(home.workspace_id)
    with attachment_worker(home, "other") as fetcher:
        for _ in range(300):
            fetcher.run_once()
            if rows_of(home, batch_id)[0].text_status is TextStage.READY:
                break
        assert not fetcher.run_once()
        assert found(home, "freezes") == []
        writers.release_all()
        fetcher.run_until_settled(batch_id)
    assert len(found(home, "freezes")) == 1


def test_a_text_that_ends_every_worker_is_given_up(home: WorkerFixture, files: Files) -> None:
    url = files.put("n.txt", NOTE)
    batch_id = landed(home, with_attachments("a", attach(url, filename="n.txt")))
    with attachment_worker(home, attachment_text_processes=0) as fetcher:
        while rows_of(home, batch_id)[0].text_status is None:
            fetcher.run_once()
    for _ in range(9):
        with home.catalog.transaction() as tx:
            now = home.catalog.now_ms()
            kind = JobKind.EXTRACT_TEXT
            assert jobs.claim(
                tx,
                kind,
                owner="dead/jobs",
                now=now,
                lease_ms=9,
                limit=9,
                workspace_id=home.workspace_id,
            )
            assert expire_leases(tx, "dead", now=now) == 1
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    error = text_of(home, batch_id).error
    assert isinstance(error, attachments.AttachmentFault)
    assert error.code == "GIVEN_UP"


def test_the_real_thing_of_every_kind(home: WorkerFixture, files: Files) -> None:
    html = "<html><body><p>The dashboard loads slowly on Mondays.</p></body></html>"
    csv = "customer,complaint\nAcme,the login page loops\n"
    mail = "From: ada@example.com\nSubject: Refund\n\nPlease refund my duplicate payment.\n"
    every = {
        "page.html": (html, "dashboard"),
        "table.csv": (csv, "loops"),
        "mail.eml": (mail, "duplicate"),
        "data.json": (json.dumps({"text": "the webhook retries forever"}), "webhook"),
    }
    urls = {name: files.put(name, data) for name, (data, _) in every.items()}
    batch_id = landed(
        home, with_attachments("a", *(attach(url, filename=name) for name, url in urls.items()))
    )
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    for name, (_, word) in every.items():
        assert [attachment for _, attachment in found(home, word)] == [name]
