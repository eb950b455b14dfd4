from collections.abc import Iterable
from itertools import count

from everlake.catalog.attachments import AttachmentRow
from everlake.contract.attachments import AttachmentStatus
from everlake.worker.attachments.fair_queue import QUEUED_PER_SLOT, FairQueue

_NUMBERS = count()


def row(workspace: str, host: str = "h") -> AttachmentRow:
    number = next(_NUMBERS)
    return AttachmentRow(
        id=f"at_{number}",
        workspace_id=workspace,
        batch_id="b",
        line=number,
        place=0,
        record_id="r",
        kind="file",
        host=host,
        due_at=0,
        status=AttachmentStatus.PENDING,
        lease_owner="w",
        attempts=0,
        error_code=None,
        error=None,
        size=None,
        mime_type=None,
        sha256=None,
        completed_at=None,
        text_status=None,
        text_error_code=None,
        text_error=None,
        indexed_at=None,
    )


def queue_of(rows: Iterable[AttachmentRow], host_limit: int = 4, threads: int = 99) -> FairQueue:
    made = FairQueue(host_limit, threads)
    made.add(rows)
    return made


def take_ready(queue: FairQueue) -> list[AttachmentRow]:
    """Take all that could be taken now."""
    taken: list[AttachmentRow] = []
    while queue.count_ready():
        found = queue.take()
        assert found is not None
        taken.append(found)
    return taken


def take_and_end(queue: FairQueue, number: int) -> list[AttachmentRow]:
    """Take attachments one after the other."""
    taken: list[AttachmentRow] = []
    for _ in range(number):
        found = queue.take(taken[-1] if taken else None)
        assert found is not None
        taken.append(found)
    return taken


def test_workspaces_take_turns_however_many_attachments_and_hosts_each_has() -> None:
    many = [row("a", f"h{number}") for number in range(100)]
    queue = queue_of([*many, row("b"), row("c", ""), row("b")])
    assert [one.workspace_id for one in take_and_end(queue, 6)] == ["a", "b", "c", "a", "b", "a"]


def test_hosts_take_turns_within_a_workspace() -> None:
    queue = queue_of([*(row("a", "x") for _ in range(3)), row("a", "y"), row("a", "")])
    assert [one.host for one in take_and_end(queue, 5)] == ["x", "y", "", "x", "x"]


def test_attachments_of_a_workspace_and_host_keep_their_order() -> None:
    rows = [row("a") for _ in range(5)]
    assert take_and_end(queue_of(rows), 5) == rows


def test_the_limit_of_a_host_holds_over_all_workspaces() -> None:
    queue = queue_of([row(workspace, "h") for workspace in "abc" for _ in range(9)])
    assert queue.count_ready() == 4
    taken = take_ready(queue)
    assert [one.workspace_id for one in taken] == ["a", "b", "c", "a"]
    queue.done(taken[0])
    assert len(take_ready(queue)) == 1


def test_a_workspace_whose_hosts_are_busy_is_passed_over() -> None:
    queue = queue_of([row("a", "h") for _ in range(9)], host_limit=1)
    take_ready(queue)
    queue.add([row("b", "h"), row("c", "other"), row("d", "")])
    assert [one.workspace_id for one in take_ready(queue)] == ["c", "d"]


def test_a_workspace_with_slow_downloads_leaves_the_threads_to_others() -> None:
    queue = queue_of([row("slow", f"h{number}") for number in range(9)])
    queue.add(row("quick", "q") for _ in range(20))
    [slow] = take_and_end(queue, 1)
    assert slow.workspace_id == "slow"
    assert {one.workspace_id for one in take_and_end(queue, 10)} == {"quick"}


def test_a_workspace_is_full_once_it_has_enough_for_its_share() -> None:
    rows = [*(row("a", f"h{n}") for n in range(5)), *(row("b", "h") for _ in range(99))]
    assert queue_of(rows, threads=7).full_workspaces() == {"a"}
    assert queue_of(rows, threads=6).full_workspaces() == {"a", "b"}


def test_a_workspace_leaves_threads_to_one_that_comes_later() -> None:
    queue = queue_of([row("first", f"h{number}") for number in range(9)], threads=4)
    assert queue.count_ready() == 3
    taken = take_ready(queue)
    assert len(taken) == 3
    queue.add([row("second", "h")])
    assert [one.workspace_id for one in take_ready(queue)] == ["second"]
    queue.done(taken[0])
    assert [one.workspace_id for one in take_ready(queue)] == ["first"]


def test_workspaces_share_the_places_of_a_host() -> None:
    rows = [row("a") for _ in range(QUEUED_PER_SLOT)]
    queue = queue_of(rows, host_limit=1)
    assert queue.full_hosts() == {("a", "h")}
    queue.add([*(row("b") for _ in range(QUEUED_PER_SLOT // 2 - 1)), row("b", "")])
    assert queue.full_hosts() == {("a", "h")}
    queue.add([row("b")])
    assert queue.full_hosts() == {("a", "h"), ("b", "h")}
    assert len(queue.clear()) == QUEUED_PER_SLOT * 3 // 2 + 1
    assert queue.full_hosts() == set()


def test_nothing_is_taken_once_the_queue_is_closed() -> None:
    queue = queue_of([row("a")])
    queue.close()
    assert queue.take() is None
