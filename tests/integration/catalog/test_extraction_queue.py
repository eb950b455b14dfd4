from typing import Any

from everlake.catalog import attachments, backlog, extraction_queue
from everlake.catalog.attachments import AttachmentRow, TextStage
from everlake.catalog.extraction_queue import ExtractionFailure
from everlake.contract.attachments import TextStatus
from tests.integration.catalog import attachment_rows
from tests.integration.catalog.attachment_rows import (
    LEASE,
    NOW,
    complete_batches,
    completed_download,
    insert_batch,
    rows_of,
)
from tests.support.catalog_fixture import CatalogFixture


def fetched(home: CatalogFixture, count: int = 1, **changes: Any) -> str:
    """The id of a batch whose attachments are stored."""
    batch_id = insert_batch(home, count)
    outcomes = [completed_download(row, **changes) for row in attachment_rows.claim(home)]
    attachment_rows.record_outcomes(home, *outcomes)
    return batch_id


def claim(
    home: CatalogFixture,
    owner: str = "a",
    now: int = NOW,
    most: int = 100,
    state: TextStage = TextStage.PENDING,
) -> list[AttachmentRow]:
    with home.catalog.transaction() as tx:
        return extraction_queue.claim(
            tx, owner=owner, now=now, lease_ms=LEASE, limit=most, state=state
        )


def claim_read(
    home: CatalogFixture, owner: str = "a", now: int = NOW, **changes: Any
) -> list[AttachmentRow]:
    with home.catalog.transaction() as tx:
        return extraction_queue.claim_for_indexing(
            tx, owner=owner, now=now, lease_ms=LEASE, **{"most": 100, **changes}
        )


def advance(
    home: CatalogFixture, rows: list[AttachmentRow], to: TextStage, owner: str = "a"
) -> int:
    with home.catalog.transaction() as tx:
        return extraction_queue.advance(tx, [row.id for row in rows], owner=owner, to=to, now=NOW)


def states(home: CatalogFixture, batch_id: str) -> list[TextStage | None]:
    return [row.text_status for row in rows_of(home, batch_id)]


def test_only_files_with_text_are_read(home: CatalogFixture) -> None:
    fetched(home, 2, is_extractable=False)
    assert claim(home) == []
    batch_id = fetched(home, 2)
    assert [row.batch_id for row in claim(home)] == [batch_id] * 2
    assert claim(home, "b") == []


def test_recordings_are_claimed_by_those_who_ask_for_them(home: CatalogFixture) -> None:
    batch_id = fetched(home, 2)
    document, recording = claim(home)
    advance(home, [recording], TextStage.RECORDING)
    assert [row.text_status for row in claim(home, "b", NOW + LEASE)] == [TextStage.PENDING]
    [found] = claim(home, "c", state=TextStage.RECORDING)
    assert (found.id, found.text_attempts) == (recording.id, 0)
    assert found.view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim(home, "d", state=TextStage.RECORDING) == []
    with home.catalog.autocommit() as tx:
        assert backlog.attachment_backlog(tx).read == 2
    [again] = claim(home, "d", NOW + LEASE, state=TextStage.RECORDING)
    assert again.text_attempts == 1
    assert advance(home, [again], TextStage.READY, "d") == 1
    assert states(home, batch_id) == [TextStage.PENDING, TextStage.READY]
    assert document.batch_id == batch_id


def test_text_goes_into_the_lake_once_its_batch_is_analysed(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    assert advance(home, claim(home), TextStage.READY) == 1
    assert rows_of(home, batch_id)[0].view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim_read(home) == []
    complete_batches(home, batch_id)
    rows = claim_read(home)
    assert [row.batch_id for row in rows] == [batch_id]
    assert claim_read(home, "b") == []
    assert advance(home, rows, TextStage.COMPLETE) == 1
    assert states(home, batch_id) == [TextStage.COMPLETE]
    assert rows_of(home, batch_id)[0].indexed_at == NOW
    assert claim_read(home) == []


def test_texts_of_a_workspace_that_another_writes_wait(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    advance(home, claim(home), TextStage.READY)
    complete_batches(home, batch_id)
    assert claim_read(home, skip_workspaces={home.workspace_id}) == []
    assert len(claim_read(home)) == 1


def test_a_lease_that_ran_out_counts_as_an_attempt(home: CatalogFixture) -> None:
    fetched(home)
    claim(home, "a")
    [row] = claim(home, "b", now=NOW + LEASE)
    assert (row.text_owner, row.text_attempts) == ("b", 1)


def test_a_former_holder_moves_nothing(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    rows = claim(home, "a")
    claim(home, "b", now=NOW + LEASE)
    assert advance(home, rows, TextStage.READY, "a") == 0
    with home.catalog.transaction() as tx:
        fault = ExtractionFailure(id=rows[0].id, code="TIMED_OUT", message="m")
        assert extraction_queue.fail(tx, [fault], owner="a", now=NOW) == 0
        assert extraction_queue.release(tx, [rows[0].id], owner="a", due_at=NOW) == 0
        assert extraction_queue.renew(tx, "a", [rows[0].id], NOW + 9 * LEASE) == 0
    assert states(home, batch_id) == [TextStage.PENDING]


def test_a_file_that_gives_no_text_says_why_and_can_be_read_again(home: CatalogFixture) -> None:
    batch_id = fetched(home, 2)
    first, second = claim(home)
    with home.catalog.transaction() as tx:
        faults = [
            ExtractionFailure(id=first.id, code="ENCRYPTED", message="It wants a password."),
            ExtractionFailure(id=second.id, code="CRASHED", message="m", due_at=NOW + 5),
        ]
        assert extraction_queue.fail(tx, faults, owner="a", now=NOW) == 2
    assert states(home, batch_id) == [TextStage.FAILED, TextStage.PENDING]
    text = rows_of(home, batch_id)[0].view().text
    assert text == attachments.TextProgress(
        TextStatus.FAILED, attachments.AttachmentFault("ENCRYPTED", "It wants a password.")
    )
    assert claim(home) == []
    assert [row.id for row in claim(home, now=NOW + 5)] == [second.id]
    with home.catalog.transaction() as tx:
        assert attachments.retry_texts(tx, home.workspace_id, batch_id, now=NOW) == 1
    assert [row.id for row in claim(home)] == [first.id]


def test_texts_that_are_stored_are_known_by_batch(home: CatalogFixture) -> None:
    batch_id, other = fetched(home, 3), fetched(home)
    rows = [row for row in claim(home) if row.batch_id == batch_id]
    advance(home, rows[:2], TextStage.READY)
    complete_batches(home, batch_id)
    advance(home, claim_read(home, limit=1), TextStage.COMPLETE)
    with home.catalog.snapshot() as tx:
        found = attachments.read_texts(tx, [batch_id, other])
    assert {key: [row.line for row in rows] for key, rows in found.items()} == {batch_id: [0, 1]}


def test_texts_are_written_again_to_tables_made_from_before(home: CatalogFixture) -> None:
    batch_id = fetched(home, 3)
    complete_batches(home, batch_id)
    advance(home, claim(home), TextStage.READY)
    advance(home, claim_read(home, limit=2), TextStage.COMPLETE)
    at_hand = claim_read(home, "slow")
    with home.catalog.transaction() as tx:
        assert extraction_queue.reindex(tx, home.workspace_id, since=NOW + 1, now=NOW) == 1
        assert extraction_queue.reindex(tx, home.workspace_id, since=NOW, now=NOW) == 2
    assert advance(home, at_hand, TextStage.COMPLETE, "slow") == 0
    assert states(home, batch_id) == [TextStage.READY] * 3
    assert len(claim_read(home)) == 3


def test_what_a_dead_worker_had_is_due_at_once(home: CatalogFixture) -> None:
    fetched(home)
    claim(home, "dead")
    with home.catalog.transaction() as tx:
        assert extraction_queue.expire_leases(tx, "dead", now=NOW) == 1
    [row] = claim(home, "b")
    assert row.text_attempts == 1


def test_it_is_told_whether_anything_is_due(home: CatalogFixture) -> None:
    fetched(home)
    with home.catalog.autocommit() as tx:
        assert extraction_queue.is_due(tx, TextStage.PENDING, now=NOW)
        assert not extraction_queue.is_due(tx, TextStage.PENDING, now=NOW - 1)
        assert not extraction_queue.is_due(tx, TextStage.READY, now=NOW)
