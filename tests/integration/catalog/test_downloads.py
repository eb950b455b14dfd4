from everlake.catalog import attachments, backlog, downloads
from everlake.catalog.engine import Catalog
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batch import DownloadStatus
from tests.integration.catalog.attaching import (
    LEASE,
    NOW,
    add,
    attach,
    claim,
    failed,
    rows_of,
    settle,
    stored,
)
from tests.integration.catalog.home import Home, at_once, make_home


def ids(rows: list[attachments.AttachmentRow]) -> list[str]:
    return [row.id for row in rows]


def downloads_of(home: Home, batch_id: str) -> tuple[object, ...]:
    seen = home.batch(batch_id).view()
    return (
        seen.attachmentDownloadTotal,
        seen.attachmentDownloadComplete,
        seen.attachmentDownloadFailed,
        seen.attachmentDownloadStatus,
    )


def test_attachments_are_claimed_in_their_order_and_once(home: Home) -> None:
    batch_id = attach(home, 5)
    every = ids(rows_of(home, batch_id))
    assert ids(claim(home, most=2)) == every[:2]
    assert ids(claim(home, most=2)) == every[2:4]
    assert ids(claim(home)) == every[4:]
    assert claim(home) == []


def test_listing_a_batch_again_changes_nothing(home: Home) -> None:
    batch_id = attach(home, 2)
    [first, _] = claim(home)
    settle(home, stored(first))
    before = rows_of(home, batch_id)
    add(home, batch_id, ["files.example"] * 2)
    assert rows_of(home, batch_id) == before


def test_a_claim_tells_the_attachment_as_it_is_now(home: Home) -> None:
    batch_id = attach(home)
    claimed = claim(home)
    assert claimed == rows_of(home, batch_id)
    assert (claimed[0].lease_owner, claimed[0].due_at) == ("a", NOW + LEASE)


def test_a_host_is_one_workers_while_it_is_at_it(home: Home) -> None:
    batch_id = attach(home, 4)
    every = ids(rows_of(home, batch_id))
    assert ids(claim(home, "a", most=2)) == every[:2]
    assert claim(home, "b") == []
    settle(home, *(stored(row) for row in rows_of(home, batch_id)[:2]))
    assert ids(claim(home, "b")) == every[2:]


def test_uploads_are_anybodys(home: Home) -> None:
    attach(home, 4, host="", url=None, upload_id="up_1")
    assert len(claim(home, "a", most=2)) == 2
    assert len(claim(home, "b", most=2)) == 2


def test_hosts_take_turns(home: Home) -> None:
    for host in ("c", "a", "b"):
        attach(home, 10, host=host)
    hosts = [row.host for row in claim(home, most=6, most_per_host=3)]
    assert hosts == ["a"] * 3 + ["b"] * 3
    hosts = [row.host for row in claim(home, most=6, most_per_host=3, after="b")]
    assert hosts == ["c"] * 3 + ["a"] * 3


def test_a_full_host_is_passed_over(home: Home) -> None:
    attach(home, 3, host="full")
    attach(home, 1, host="other")
    assert [row.host for row in claim(home, full={"full"})] == ["other"]


def test_very_many_hosts_all_have_their_turn(home: Home) -> None:
    count = 2 * downloads.MOST_HOSTS + 10
    batch_id = home.insert(attachment_total=count)[0]
    add(home, batch_id, [f"host-{number:04}" for number in range(count)])
    seen: set[str] = set()
    last = ""
    while claimed := claim(home, after=last):
        seen.update(row.host for row in claimed)
        last = claimed[-1].host
    assert len(seen) == count


def test_what_is_not_due_is_left(home: Home) -> None:
    attach(home, 1, due_at=NOW + 1)
    with home.catalog.look() as tx:
        assert not downloads.is_due(tx, now=NOW)
        assert downloads.is_due(tx, now=NOW + 1)
    assert claim(home) == []
    assert len(claim(home, now=NOW + 1)) == 1


def test_a_lease_that_ran_out_counts_as_an_attempt(home: Home) -> None:
    attach(home)
    claim(home, "a")
    taken_over: list[str] = []
    [row] = claim(home, "b", now=NOW + LEASE, taken_over=taken_over)
    assert (row.lease_owner, row.attempts, taken_over) == ("b", 1, [row.id])


def test_a_former_holder_settles_nothing(home: Home) -> None:
    batch_id = attach(home, 2)
    rows = claim(home, "a")
    claim(home, "b", now=NOW + LEASE)
    before = rows_of(home, batch_id)
    assert settle(home, stored(rows[0]), failed(rows[1]), owner="a") == downloads.Settled(0, 0)
    assert rows_of(home, batch_id) == before
    assert downloads_of(home, batch_id)[1:3] == (0, 0)


def test_the_batch_counts_what_its_attachments_become(home: Home) -> None:
    batch_id = attach(home, 3)
    assert downloads_of(home, batch_id) == (3, 0, 0, DownloadStatus.PENDING)
    rows = claim(home)
    assert downloads_of(home, batch_id) == (3, 0, 0, DownloadStatus.IN_PROGRESS)
    assert settle(home, stored(rows[0]), failed(rows[1])) == downloads.Settled(1, 1)
    assert downloads_of(home, batch_id) == (3, 1, 1, DownloadStatus.IN_PROGRESS)
    settle(home, failed(rows[2], due_at=NOW + 5))
    assert downloads_of(home, batch_id) == (3, 1, 1, DownloadStatus.IN_PROGRESS)
    settle(home, stored(*claim(home, now=NOW + 5)), now=NOW + 5)
    assert downloads_of(home, batch_id) == (3, 2, 1, DownloadStatus.PARTIAL_FAILURE)


def test_a_batch_of_which_nothing_could_be_had_has_failed(home: Home) -> None:
    batch_id = attach(home, 2)
    settle(home, *(failed(row) for row in claim(home)))
    assert downloads_of(home, batch_id) == (2, 0, 2, DownloadStatus.FAILED)


def test_settling_twice_counts_once(home: Home) -> None:
    batch_id = attach(home, 2)
    rows = claim(home)
    settle(home, stored(rows[0]))
    settle(home, stored(rows[0]))
    assert downloads_of(home, batch_id)[1] == 1


def test_what_became_of_an_attachment_is_told(home: Home) -> None:
    batch_id = attach(home, 2)
    first, second = claim(home)
    settle(home, stored(first), failed(second))
    shown = [row.view() for row in rows_of(home, batch_id)]
    assert (shown[0].status, shown[0].size) == (AttachmentStatus.COMPLETE, 12)
    assert (shown[0].mime_type, shown[0].sha256) == ("application/pdf", "ab" * 32)
    assert shown[1].status is AttachmentStatus.FAILED
    assert shown[1].error == attachments.AttachmentFault(
        "HTTP_STATUS", "files.example answered 404."
    )
    assert shown[1].attempts == 1


def test_another_try_waits_for_its_time(home: Home) -> None:
    batch_id = attach(home)
    settle(home, failed(*claim(home), due_at=NOW + 50))
    [row] = rows_of(home, batch_id)
    assert (row.status, row.attempts, row.view().next_attempt_at) == (
        AttachmentStatus.PENDING,
        1,
        NOW + 50,
    )
    settle(home, failed(*claim(home, now=NOW + 50), due_at=NOW + 99, counts=False))
    assert rows_of(home, batch_id)[0].attempts == 1


def test_failed_attachments_are_retried_with_all_of_their_tries(home: Home) -> None:
    batch_id = attach(home, 3)
    rows = claim(home)
    settle(home, stored(rows[0]), failed(rows[1]), failed(rows[2]))
    with home.catalog.write() as tx:
        assert attachments.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 2
        assert attachments.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 0
    assert downloads_of(home, batch_id) == (3, 1, 0, DownloadStatus.IN_PROGRESS)
    again = claim(home)
    assert [(row.id, row.attempts) for row in again] == [(row.id, 0) for row in rows[1:]]
    assert all(row.error_code == "HTTP_STATUS" for row in again)
    settle(home, *(stored(row) for row in again))
    assert downloads_of(home, batch_id) == (3, 3, 0, DownloadStatus.COMPLETE)
    assert all(row.error_code is None for row in rows_of(home, batch_id))


def test_a_retry_touches_no_other_workspace(catalog: Catalog) -> None:
    home, stranger = make_home(catalog), make_home(catalog)
    batch_id = attach(home)
    settle(home, failed(*claim(home)))
    with catalog.write() as tx:
        assert attachments.retry_failed(tx, stranger.workspace_id, batch_id, now=NOW) == 0
        assert attachments.get(tx, stranger.workspace_id, f"{batch_id}-0-0") is None
        assert attachments.get(tx, home.workspace_id, f"{batch_id}-0-0") is not None


def test_leases_are_renewed_released_and_abandoned(home: Home) -> None:
    batch_id = attach(home, 2)
    rows = claim(home)
    with home.catalog.write() as tx:
        assert downloads.renew(tx, "a", ids(rows), NOW + 5 * LEASE) == 2
        assert downloads.renew(tx, "b", ids(rows), NOW + 9 * LEASE) == 0
    assert claim(home, "b", now=NOW + 4 * LEASE) == []
    with home.catalog.write() as tx:
        assert downloads.release(tx, ids(rows)[:1], owner="a", due_at=NOW) == 1
        assert downloads.abandon(tx, "a", now=NOW) == 1
    after = claim(home, "b")
    assert [(row.id, row.attempts) for row in after] == [
        (rows_of(home, batch_id)[0].id, 0),
        (rows_of(home, batch_id)[1].id, 1),
    ]


def test_a_page_goes_on_where_the_last_one_ended(home: Home) -> None:
    batch_id = attach(home, 5)
    with home.catalog.read() as tx:
        first = attachments.page(tx, batch_id, limit=2)
        after = first[-1].line, first[-1].place
        rest = attachments.page(tx, batch_id, limit=10, after=after)
    assert [row.line for row in (*first, *rest)] == [0, 1, 2, 3, 4]


def test_a_page_of_one_status(home: Home) -> None:
    batch_id = attach(home, 4)
    rows = claim(home, most=3)
    settle(home, stored(rows[0]), failed(rows[1]))
    with home.catalog.read() as tx:
        found = {
            status: [row.line for row in attachments.page(tx, batch_id, limit=9, status=status)]
            for status in AttachmentStatus
        }
    assert found == {
        AttachmentStatus.COMPLETE: [0],
        AttachmentStatus.FAILED: [1],
        AttachmentStatus.IN_PROGRESS: [2],
        AttachmentStatus.PENDING: [3],
    }


def test_many_who_claim_at_once_share_without_overlap(home: Home) -> None:
    batches = [attach(home, 5, host=f"host-{number}") for number in range(8)]

    def take(number: int) -> list[attachments.AttachmentRow]:
        return claim(home, f"w{number}", most=10, most_per_host=5)

    taken = list(at_once(4, take))
    every = [row.id for rows in taken for row in rows]
    assert len(every) == len(set(every)) == 8 * 5
    owners = [{row.host for row in rows} for rows in taken]
    assert sum(len(hosts) for hosts in owners) == len(set[str]().union(*owners)) == len(batches)


def test_what_waits_is_counted(home: Home) -> None:
    attach(home, 5)
    rows = claim(home, most=3)
    settle(home, stored(rows[0]), stored(rows[1], readable=False), failed(rows[2]))
    with home.catalog.look() as tx:
        assert backlog.waiting_files(tx) == backlog.WaitingFiles(fetch=2, read=1)
