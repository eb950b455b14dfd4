from typing import Any

from everlake.catalog import attachments, backlog, readings
from everlake.catalog.attachments import AttachmentRow, TextState
from everlake.catalog.readings import Unreadable
from everlake.contract.attachments import TextStatus
from tests.integration.catalog import attaching
from tests.integration.catalog.attaching import LEASE, NOW, attach, complete, rows_of, stored
from tests.integration.catalog.home import Home


def fetched(home: Home, count: int = 1, **changes: Any) -> str:
    """The id of a batch whose attachments are stored."""
    batch_id = attach(home, count)
    outcomes = [stored(row, **changes) for row in attaching.claim(home)]
    attaching.settle(home, *outcomes)
    return batch_id


def claim(
    home: Home,
    owner: str = "a",
    now: int = NOW,
    most: int = 100,
    state: TextState = TextState.PENDING,
) -> list[AttachmentRow]:
    with home.catalog.write() as tx:
        return readings.claim(tx, owner=owner, now=now, lease_ms=LEASE, most=most, state=state)


def claim_read(home: Home, owner: str = "a", now: int = NOW, **changes: Any) -> list[AttachmentRow]:
    with home.catalog.write() as tx:
        return readings.claim_read(
            tx, owner=owner, now=now, lease_ms=LEASE, **{"most": 100, **changes}
        )


def advance(home: Home, rows: list[AttachmentRow], to: TextState, owner: str = "a") -> int:
    with home.catalog.write() as tx:
        return readings.advance(tx, [row.id for row in rows], owner=owner, to=to, now=NOW)


def states(home: Home, batch_id: str) -> list[TextState | None]:
    return [row.text_status for row in rows_of(home, batch_id)]


def test_only_files_with_text_are_read(home: Home) -> None:
    fetched(home, 2, readable=False)
    assert claim(home) == []
    batch_id = fetched(home, 2)
    assert [row.batch_id for row in claim(home)] == [batch_id] * 2
    assert claim(home, "b") == []


def test_recordings_are_claimed_by_those_who_ask_for_them(home: Home) -> None:
    batch_id = fetched(home, 2)
    document, recording = claim(home)
    advance(home, [recording], TextState.RECORDING)
    assert [row.text_status for row in claim(home, "b", NOW + LEASE)] == [TextState.PENDING]
    [found] = claim(home, "c", state=TextState.RECORDING)
    assert (found.id, found.text_attempts) == (recording.id, 0)
    assert found.view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim(home, "d", state=TextState.RECORDING) == []
    with home.catalog.look() as tx:
        assert backlog.waiting_files(tx).read == 2
    [again] = claim(home, "d", NOW + LEASE, state=TextState.RECORDING)
    assert again.text_attempts == 1
    assert advance(home, [again], TextState.READY, "d") == 1
    assert states(home, batch_id) == [TextState.PENDING, TextState.READY]
    assert document.batch_id == batch_id


def test_text_goes_into_the_lake_once_its_batch_is_analysed(home: Home) -> None:
    batch_id = fetched(home)
    assert advance(home, claim(home), TextState.READY) == 1
    assert rows_of(home, batch_id)[0].view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim_read(home) == []
    complete(home, batch_id)
    rows = claim_read(home)
    assert [row.batch_id for row in rows] == [batch_id]
    assert claim_read(home, "b") == []
    assert advance(home, rows, TextState.COMPLETE) == 1
    assert states(home, batch_id) == [TextState.COMPLETE]
    assert rows_of(home, batch_id)[0].indexed_at == NOW
    assert claim_read(home) == []


def test_texts_of_a_workspace_that_another_writes_wait(home: Home) -> None:
    batch_id = fetched(home)
    advance(home, claim(home), TextState.READY)
    complete(home, batch_id)
    assert claim_read(home, skip_workspaces={home.workspace_id}) == []
    assert len(claim_read(home)) == 1


def test_a_lease_that_ran_out_counts_as_an_attempt(home: Home) -> None:
    fetched(home)
    claim(home, "a")
    [row] = claim(home, "b", now=NOW + LEASE)
    assert (row.text_owner, row.text_attempts) == ("b", 1)


def test_a_former_holder_moves_nothing(home: Home) -> None:
    batch_id = fetched(home)
    rows = claim(home, "a")
    claim(home, "b", now=NOW + LEASE)
    assert advance(home, rows, TextState.READY, "a") == 0
    with home.catalog.write() as tx:
        fault = Unreadable(id=rows[0].id, code="TIMED_OUT", message="m")
        assert readings.fail(tx, [fault], owner="a", now=NOW) == 0
        assert readings.release(tx, [rows[0].id], owner="a", due_at=NOW) == 0
        assert readings.renew(tx, "a", [rows[0].id], NOW + 9 * LEASE) == 0
    assert states(home, batch_id) == [TextState.PENDING]


def test_a_file_that_gives_no_text_says_why_and_can_be_read_again(home: Home) -> None:
    batch_id = fetched(home, 2)
    first, second = claim(home)
    with home.catalog.write() as tx:
        faults = [
            Unreadable(id=first.id, code="ENCRYPTED", message="It wants a password."),
            Unreadable(id=second.id, code="CRASHED", message="m", due_at=NOW + 5),
        ]
        assert readings.fail(tx, faults, owner="a", now=NOW) == 2
    assert states(home, batch_id) == [TextState.FAILED, TextState.PENDING]
    text = rows_of(home, batch_id)[0].view().text
    assert text == attachments.TextProgress(
        TextStatus.FAILED, attachments.AttachmentFault("ENCRYPTED", "It wants a password.")
    )
    assert claim(home) == []
    assert [row.id for row in claim(home, now=NOW + 5)] == [second.id]
    with home.catalog.write() as tx:
        assert attachments.retry_texts(tx, home.workspace_id, batch_id, now=NOW) == 1
    assert [row.id for row in claim(home)] == [first.id]


def test_texts_that_are_stored_are_known_by_batch(home: Home) -> None:
    batch_id, other = fetched(home, 3), fetched(home)
    rows = [row for row in claim(home) if row.batch_id == batch_id]
    advance(home, rows[:2], TextState.READY)
    complete(home, batch_id)
    advance(home, claim_read(home, most=1), TextState.COMPLETE)
    with home.catalog.read() as tx:
        found = attachments.read_texts(tx, [batch_id, other])
    assert {key: [row.line for row in rows] for key, rows in found.items()} == {batch_id: [0, 1]}


def test_texts_are_written_again_to_tables_made_from_before(home: Home) -> None:
    batch_id = fetched(home, 3)
    complete(home, batch_id)
    advance(home, claim(home), TextState.READY)
    advance(home, claim_read(home, most=2), TextState.COMPLETE)
    at_hand = claim_read(home, "slow")
    with home.catalog.write() as tx:
        assert readings.index_again(tx, home.workspace_id, since=NOW + 1, now=NOW) == 1
        assert readings.index_again(tx, home.workspace_id, since=NOW, now=NOW) == 2
    assert advance(home, at_hand, TextState.COMPLETE, "slow") == 0
    assert states(home, batch_id) == [TextState.READY] * 3
    assert len(claim_read(home)) == 3


def test_what_a_dead_worker_had_is_due_at_once(home: Home) -> None:
    fetched(home)
    claim(home, "dead")
    with home.catalog.write() as tx:
        assert readings.abandon(tx, "dead", now=NOW) == 1
    [row] = claim(home, "b")
    assert row.text_attempts == 1


def test_it_is_told_whether_anything_is_due(home: Home) -> None:
    fetched(home)
    with home.catalog.look() as tx:
        assert readings.is_due(tx, TextState.PENDING, now=NOW)
        assert not readings.is_due(tx, TextState.PENDING, now=NOW - 1)
        assert not readings.is_due(tx, TextState.READY, now=NOW)
