"""From a recording that a record points to, to a search that finds what is said in it."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from everlake.attachments.extraction import Extractor
from everlake.attachments.paths import text_path
from everlake.catalog import attachments, jobs, texts
from everlake.catalog.attachments import TextStage
from everlake.catalog.jobs import JobKind
from everlake.contract.attachments import TextStatus
from everlake.search import search
from everlake.settings import SettingsError, settings_from
from everlake.worker.attachments.service import expire_leases
from everlake.worker.attachments.speech_settings import load_transcription_options
from tests.support.attachment_texts import NOTE, Files, files, found, text_of
from tests.support.job_rows import job_of
from tests.support.recordings import CUSTOMER, MODEL, customer, encoded
from tests.support.worker_attachments import (
    attach,
    attachment_worker,
    landed,
    rows_of,
    with_attachments,
)
from tests.support.worker_fixture import ShiftedClock, WorkerFixture

__all__ = ["files"]

TRANSCRIBE = JobKind.TRANSCRIBE_RECORDING
LISTENS: dict[str, Any] = {"attachment_speech_model": MODEL}
OGG = CUSTOMER.read_bytes()


def call(url: str, filename: str = "call.ogg", record_id: str = "a") -> dict[str, Any]:
    record = with_attachments(record_id, attach(url, filename=filename))
    record["_type"] = "call"
    record["data"] = {"start_time": "2026-03-02T10:00:00Z", "notes": "see the recording"}
    return record


def test_what_is_said_in_a_recording_is_found_with_its_name_and_time(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home, **LISTENS) as fetcher:
        fetcher.run_until_settled(batch_id)

    [hit] = search(home.lake, home.workspace_id, "spreadsheets quarter", limit=10).hits
    assert hit.text.startswith("The export to spreadsheets fails every Monday")
    assert (hit.attachment, hit.speaker) == ("call.ogg", None)
    assert str(hit.said_at).startswith("2026-03-02T10:00:0")
    assert text_of(home, batch_id).status is TextStatus.COMPLETE


def test_without_a_model_a_recording_fails_at_once_and_is_read_when_there_is_one(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    told = text_of(home, batch_id)
    assert told.status is TextStatus.FAILED
    assert isinstance(told.error, attachments.AttachmentFault)
    assert told.error.code == "EXTRA_MISSING"
    assert "extra speech" in told.error.message

    with home.catalog.transaction() as tx:
        now = home.catalog.now_ms()
        assert texts.retry_failed(tx, home.workspace_id, batch_id, now=now) == 1
    with attachment_worker(home, **LISTENS) as fetcher:
        fetcher.run_until_settled(batch_id)

    assert [name for _, name in found(home, "spreadsheets")] == ["call.ogg"]
    assert text_of(home, batch_id).status is TextStatus.COMPLETE


def test_a_recording_is_known_by_its_bytes_and_a_document_too(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(
        home,
        call(files.put("a", OGG), filename="report.pdf", record_id="a"),
        call(files.put("b", "%PDF-1.7\n1 0 obj <<\n"), filename="call.mp3", record_id="b"),
    )
    with attachment_worker(home, **LISTENS) as fetcher:
        fetcher.run_until_settled(batch_id)

    assert [name for _, name in found(home, "spreadsheets")] == ["report.pdf"]
    torn = text_of(home, batch_id, 1).error
    assert isinstance(torn, attachments.AttachmentFault)
    assert torn.code == "DAMAGED"


class Slow:
    """What listens, and does not end until it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        real = Extractor.extract
        slow = self

        def extract(extractor: Extractor, path: Path, **given: Any) -> Any:
            if extractor._speech is not None:
                slow.begun.set()
                slow.go_on.wait(30)
            return real(extractor, path, **given)

        monkeypatch.setattr(Extractor, "extract", extract)


def test_a_recording_holds_up_no_other_file_and_keeps_its_lease(
    home: WorkerFixture, files: Files, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    recorded = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home, **LISTENS) as fetcher:
        turns = [
            threading.Thread(target=repeated, args=(turn, slow.go_on), daemon=True)
            for turn in fetcher._turns
        ]
        for turn in turns:
            turn.start()
        assert slow.begun.wait(30)

        noted = landed(
            home, with_attachments("n", attach(files.put("n.txt", NOTE), filename="n.txt"))
        )
        deadline = time.monotonic() + 30
        while rows_of(home, noted)[0].text_status is not TextStage.READY:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        [held] = rows_of(home, recorded)
        assert held.text_status is TextStage.RECORDING
        assert isinstance(held.view().text, attachments.TextProgress)
        assert held.view().text.status is TextStatus.PENDING  # type: ignore[union-attr]

        before = job_of(home.catalog, TRANSCRIBE, held.id)
        clock.advance(20_000)
        fetcher.renew()
        after = job_of(home.catalog, TRANSCRIBE, held.id)
        assert after.lease_owner == "worker/jobs"
        assert after.due_at > before.due_at
        slow.go_on.set()
        for turn in turns:
            turn.join()
        fetcher.run_until_settled(recorded, noted)
    assert [name for _, name in found(home, "spreadsheets")] == ["call.ogg"]


def repeated(turn: Any, end: threading.Event) -> None:
    while not end.is_set():
        if not turn():
            time.sleep(0.01)


def test_a_worker_that_writes_nothing_down_leaves_recordings_to_one_that_does(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home, "other", attachment_speech_processes=0, **LISTENS) as fetcher:
        while rows_of(home, batch_id)[0].text_status is not TextStage.RECORDING:
            fetcher.run_once()
        assert not any(turn() for turn in fetcher._turns)
    with attachment_worker(home, **LISTENS) as fetcher:
        fetcher.run_until_settled(batch_id)

    assert [name for _, name in found(home, "spreadsheets")] == ["call.ogg"]


def test_when_the_model_is_taken_away_what_waited_for_it_is_told_so(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home, **LISTENS, attachment_speech_processes=0) as leaving:
        while rows_of(home, batch_id)[0].text_status is not TextStage.RECORDING:
            leaving.run_once()

    with attachment_worker(home, "other") as fetcher:
        fetcher.run_until_settled(batch_id)

    told = text_of(home, batch_id).error
    assert isinstance(told, attachments.AttachmentFault)
    assert told.code == "EXTRA_MISSING"


def test_a_recording_that_its_workers_did_not_survive_is_given_up(
    home: WorkerFixture, files: Files
) -> None:
    batch_id = landed(home, call(files.put("call.ogg", OGG)))
    with attachment_worker(home, attachment_speech_processes=0, **LISTENS) as fetcher:
        while rows_of(home, batch_id)[0].text_status is not TextStage.RECORDING:
            fetcher.run_once()
    for _ in range(3):
        with home.catalog.transaction() as tx:
            now = home.catalog.now_ms()
            assert jobs.claim(
                tx,
                TRANSCRIBE,
                owner="dead/jobs",
                now=now,
                lease_ms=9,
                limit=9,
                workspace_id=home.workspace_id,
            )
            assert expire_leases(tx, "dead", now=now) == 1
    with attachment_worker(home, max_attempts=3, **LISTENS) as fetcher:
        fetcher.run_until_settled(batch_id)

    told = text_of(home, batch_id).error
    assert isinstance(told, attachments.AttachmentFault)
    assert told.code == "GIVEN_UP"


def test_a_stop_hands_a_recording_back_with_no_try_counted(
    home: WorkerFixture, files: Files
) -> None:
    long = encoded(customer().repeat(60), "flac", "flac")
    batch_id = landed(home, call(files.put("call.flac", long), filename="call.flac"))
    with attachment_worker(home, **LISTENS) as fetcher:
        *others, listening = fetcher._turns
        while rows_of(home, batch_id)[0].text_status is not TextStage.RECORDING:
            for turn in others:
                turn()
            time.sleep(0.01)
        going = threading.Thread(target=listening)
        going.start()
        [row] = rows_of(home, batch_id)
        while job_of(home.catalog, TRANSCRIBE, row.id).lease_owner is None:
            time.sleep(0.01)
        fetcher.stop.set()
        going.join()

        [row] = rows_of(home, batch_id)
    job = job_of(home.catalog, TRANSCRIBE, row.id)
    assert (row.text_status, job.lease_owner, job.attempts) == (TextStage.RECORDING, None, 0)
    assert row.sha256 is not None
    assert not (home.data / text_path(row.workspace_id, row.sha256)).exists()


@pytest.mark.parametrize(
    ("model", "told"),
    [("{tmp}/nowhere", "no directory"), ("{tmp}", "no model.bin, no config.json"), ("", None)],
)
def test_a_model_that_is_not_there_is_told_at_once(
    tmp_path: Path, model: str, told: str | None
) -> None:
    settings = settings_from({"attachment_speech_model": model.format(tmp=tmp_path)})
    if told is None:
        assert load_transcription_options(settings) is None
        return
    with pytest.raises(SettingsError, match=f"EVERLAKE_ATTACHMENT_SPEECH_MODEL.*{told}"):
        load_transcription_options(settings)


def test_a_model_without_the_extra_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util  # noqa: PLC0415

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"extra speech"):
        load_transcription_options(settings_from({"attachment_speech_model": MODEL}))
