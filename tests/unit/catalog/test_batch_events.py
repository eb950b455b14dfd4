import itertools

import pytest

from everlake.catalog.batch_events import EventId, events_since
from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow

S = BatchStatus
LANDED_AT, COMPLETED_AT = 200, 400
FAILED_AT = 300


def row(status: BatchStatus, **values: object) -> BatchRow:
    """Return a row of the catalog with this status."""
    landed = status in {S.LANDED, S.PROCESSING, S.COMPLETE}
    facts: dict[str, object] = {
        "id": "b",
        "workspace_id": "w",
        "status": status,
        "created_at": 100,
        "key_id": "k",
        "source": "api",
        "accepted": 2,
        "rejected": 0,
        "total_errors": 0,
        "sequence": 1,
        "attachment_complete": 0,
        "attachment_failed": 0,
        "lease_owner": None,
        "due_at": FAILED_AT if status is S.FAILED else 999,
        "attempts": 0,
        "landed_at": LANDED_AT if landed else None,
        "completed_at": COMPLETED_AT if status is S.COMPLETE else None,
    }
    return BatchRow(**{**facts, **values})  # pyright: ignore[reportArgumentType]


def statuses(now: BatchRow, after: EventId | None = None) -> list[str]:
    return [change.batch.status.value for change in events_since(now, after)]


def mark_of(now: BatchRow) -> EventId:
    [change] = events_since(now)
    return change.event_id


@pytest.mark.parametrize("status", S)
def test_without_an_earlier_event_the_current_state_is_reported(status: BatchStatus) -> None:
    assert statuses(row(status)) == [status]


@pytest.mark.parametrize("status", S)
def test_after_the_current_event_nothing_is_reported(status: BatchStatus) -> None:
    assert statuses(row(status), mark_of(row(status))) == []


@pytest.mark.parametrize(
    ("seen", "now", "told"),
    [
        (S.LANDING, row(S.LANDED), ["LANDED"]),
        (S.LANDING, row(S.PROCESSING), ["LANDED", "PROCESSING"]),
        (S.LANDING, row(S.COMPLETE), ["LANDED", "PROCESSING", "COMPLETE"]),
        (S.LANDED, row(S.COMPLETE), ["PROCESSING", "COMPLETE"]),
        (S.PROCESSING, row(S.COMPLETE), ["COMPLETE"]),
        (S.LANDING, row(S.FAILED), ["FAILED"]),
        (S.LANDING, row(S.FAILED, landed_at=LANDED_AT), ["LANDED", "PROCESSING", "FAILED"]),
        (S.LANDED, row(S.FAILED, landed_at=LANDED_AT), ["PROCESSING", "FAILED"]),
    ],
)
def test_statuses_between_two_reads_are_reported_in_order(
    seen: BatchStatus, now: BatchRow, told: list[str]
) -> None:
    assert statuses(now, mark_of(row(seen))) == told


@pytest.mark.parametrize(
    ("landed_at", "now", "told"),
    [
        (None, row(S.LANDING), ["LANDING"]),
        (FAILED_AT + 50, row(S.LANDED), ["LANDING", "LANDED"]),
        (FAILED_AT + 50, row(S.COMPLETE), ["LANDING", "LANDED", "PROCESSING", "COMPLETE"]),
        (LANDED_AT, row(S.LANDED), ["LANDED"]),
        (LANDED_AT, row(S.COMPLETE), ["LANDED", "PROCESSING", "COMPLETE"]),
        (None, row(S.FAILED, due_at=FAILED_AT + 9), ["LANDING", "FAILED"]),
        (LANDED_AT, row(S.FAILED, due_at=FAILED_AT + 9), ["LANDED", "PROCESSING", "FAILED"]),
    ],
)
def test_a_retried_batch_continues_from_its_earlier_status(
    landed_at: int | None, now: BatchRow, told: list[str]
) -> None:
    failed = mark_of(row(S.FAILED))
    values = {name: getattr(now, name) for name in now.__struct_fields__}
    assert statuses(BatchRow(**{**values, "landed_at": landed_at}), failed) == told


def test_a_batch_with_only_rejected_records_has_failed_alone() -> None:
    now = row(S.FAILED, accepted=0, rejected=2, due_at=100)
    assert statuses(now, EventId(S.LANDING, 0, 0)) == ["FAILED"]


def test_a_batch_that_moved_back_is_reported_as_it_is() -> None:
    assert statuses(row(S.LANDED), mark_of(row(S.PROCESSING))) == ["LANDED"]
    assert statuses(row(S.LANDING), mark_of(row(S.COMPLETE))) == ["LANDING"]


def test_a_change_of_a_count_alone_is_reported() -> None:
    before, now = (row(S.LANDED, attachment_total=3, attachment_complete=done) for done in (1, 2))
    [change] = events_since(now, mark_of(before))
    assert change.batch.attachmentDownloadComplete == 2
    assert change.batch.status is S.LANDED


def test_an_event_has_the_batch_with_the_status_of_that_time() -> None:
    now = row(S.COMPLETE, rejected=1, total_errors=3)
    for change in events_since(now, mark_of(row(S.LANDING))):
        expected = now.view()
        expected.status = change.batch.status
        assert change.batch == expected


def test_resuming_after_any_event_reports_each_event_once() -> None:
    for last in (row(S.COMPLETE), row(S.FAILED, landed_at=LANDED_AT)):
        whole = list(events_since(last, mark_of(row(S.LANDING))))
        for number, change in enumerate(whole):
            again = EventId.parse(str(change.event_id))
            assert list(events_since(last, again)) == whole[number + 1 :]


@pytest.mark.parametrize(
    "mark",
    [
        EventId(status, complete, failed, failed_at)
        for (status, (complete, failed), failed_at) in itertools.product(
            S, [(0, 0), (7, 12)], [None, 1_761_558_123_405]
        )
    ],
    ids=str,
)
def test_an_event_id_survives_a_round_trip(mark: EventId) -> None:
    assert EventId.parse(str(mark)) == mark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LANDED",
        "LANDED-0",
        "LANDED-0-0-",
        "LANDED-0-0\n",
        "LANDED-0-\u0660",
        "LANDED-0--1",
        "LANDED-" + "9" * 400 + "-0",
        "landed-0-0",
        "DONE-0-0",
        "x" * 9_999,
    ],
)
def test_a_malformed_event_id_is_none(text: str) -> None:
    assert EventId.parse(text) is None
