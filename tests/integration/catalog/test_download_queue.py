from everlake.catalog import attachments, backlog, download_queue
from everlake.catalog.database import Catalog
from everlake.catalog.download_queue import ClaimTurns
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import DownloadStatus
from tests.integration.catalog.attachment_rows import (
    LEASE,
    NOW,
    claim,
    completed_download,
    failed_download,
    insert_attachments,
    insert_batch,
    record_outcomes,
    rows_of,
)
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently


def ids(rows: list[attachments.AttachmentRow]) -> list[str]:
    return [row.id for row in rows]


def downloads_of(home: CatalogFixture, batch_id: str) -> tuple[object, ...]:
    seen = home.batch(batch_id).view()
    return (
        seen.attachmentDownloadTotal,
        seen.attachmentDownloadComplete,
        seen.attachmentDownloadFailed,
        seen.attachmentDownloadStatus,
    )


def test_attachments_are_claimed_in_their_order_and_once(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 5)
    every = ids(rows_of(home, batch_id))
    assert ids(claim(home, limit=2)) == every[:2]
    assert ids(claim(home, limit=2)) == every[2:4]
    assert ids(claim(home)) == every[4:]
    assert claim(home) == []


def test_listing_a_batch_again_changes_nothing(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    [first, _] = claim(home)
    record_outcomes(home, completed_download(first))
    before = rows_of(home, batch_id)
    insert_attachments(home, batch_id, ["files.example"] * 2)
    assert rows_of(home, batch_id) == before


def test_a_claim_tells_the_attachment_as_it_is_now(home: CatalogFixture) -> None:
    batch_id = insert_batch(home)
    claimed = claim(home)
    assert claimed == rows_of(home, batch_id)
    assert (claimed[0].lease_owner, claimed[0].due_at) == ("a", NOW + LEASE)


def test_a_host_is_one_workers_while_it_is_at_it(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 4)
    every = ids(rows_of(home, batch_id))
    assert ids(claim(home, "a", limit=2)) == every[:2]
    assert claim(home, "b") == []
    record_outcomes(home, *(completed_download(row) for row in rows_of(home, batch_id)[:2]))
    assert ids(claim(home, "b")) == every[2:]


def test_uploads_are_anybodys(home: CatalogFixture) -> None:
    insert_batch(home, 4, host="", url=None, upload_id="up_1")
    assert len(claim(home, "a", limit=2)) == 2
    assert len(claim(home, "b", limit=2)) == 2


def test_hosts_take_turns(home: CatalogFixture) -> None:
    for host in ("c", "a", "b"):
        insert_batch(home, 10, host=host)
    turns = ClaimTurns()
    hosts = [row.host for row in claim(home, limit=6, host_limit=3, turns=turns)]
    assert hosts == ["a"] * 3 + ["b"] * 3
    hosts = [row.host for row in claim(home, limit=6, host_limit=3, turns=turns)]
    assert hosts == ["c"] * 3 + ["a"] * 3


def test_a_workspace_with_many_attachments_keeps_no_other_out(home: CatalogFixture) -> None:
    insert_batch(home, 300, due_at=NOW - 9)
    count = 2 * download_queue.MAX_HOSTS
    batch_id = home.insert(attachment_total=count)[0]
    insert_attachments(home, batch_id, [f"host-{number:04}" for number in range(count)])
    strangers = [catalog_fixture(home.catalog) for _ in range(2)]
    for stranger in strangers:
        insert_batch(stranger, 1)
    claimed = claim(home, limit=30)
    assert len([row for row in claimed if row.workspace_id == home.workspace_id]) == 10
    assert {one.workspace_id for one in strangers} < {row.workspace_id for row in claimed}


def test_very_many_workspaces_all_have_their_turn(home: CatalogFixture) -> None:
    every = [catalog_fixture(home.catalog) for _ in range(download_queue.MAX_WORKSPACES + 5)]
    for one in every:
        insert_batch(one, 1, host=one.workspace_id)
    turns = ClaimTurns()
    first, rest = claim(home, turns=turns), claim(home, turns=turns)
    assert (len(first), len(rest)) == (download_queue.MAX_WORKSPACES, 5)


def test_a_full_workspace_is_passed_over(home: CatalogFixture) -> None:
    stranger = catalog_fixture(home.catalog)
    insert_batch(home, 3)
    insert_batch(stranger, 1)
    claimed = claim(home, skip_workspaces={home.workspace_id})
    assert [row.workspace_id for row in claimed] == [stranger.workspace_id]


def test_hosts_that_are_passed_over_have_had_their_turn(home: CatalogFixture) -> None:
    count = download_queue.MAX_HOSTS
    batch_id = home.insert(attachment_total=count + 1)[0]
    insert_attachments(home, batch_id, [f"host-{number:04}" for number in range(count + 1)])
    full = {(home.workspace_id, f"host-{number:04}") for number in range(count)}
    turns = ClaimTurns()
    assert claim(home, turns=turns, skip_hosts=full) == []
    assert [row.host for row in claim(home, turns=turns, skip_hosts=full)] == [f"host-{count:04}"]


def test_a_full_host_is_passed_over(home: CatalogFixture) -> None:
    insert_batch(home, 3, host="full")
    insert_batch(home, 1, host="other")
    stranger = catalog_fixture(home.catalog)
    insert_batch(stranger, 1, host="full")
    claimed = claim(home, skip_hosts={(home.workspace_id, "full")})
    assert {(row.workspace_id, row.host) for row in claimed} == {
        (home.workspace_id, "other"),
        (stranger.workspace_id, "full"),
    }


def test_very_many_hosts_all_have_their_turn(home: CatalogFixture) -> None:
    count = 2 * download_queue.MAX_HOSTS + 10
    batch_id = home.insert(attachment_total=count)[0]
    insert_attachments(home, batch_id, [f"host-{number:04}" for number in range(count)])
    seen: set[str] = set()
    turns = ClaimTurns()
    while claimed := claim(home, turns=turns):
        seen.update(row.host for row in claimed)
    assert len(seen) == count


def test_what_is_not_due_is_left(home: CatalogFixture) -> None:
    insert_batch(home, 1, due_at=NOW + 1)
    with home.catalog.autocommit() as tx:
        assert not download_queue.is_due(tx, now=NOW)
        assert download_queue.is_due(tx, now=NOW + 1)
    assert claim(home) == []
    assert len(claim(home, now=NOW + 1)) == 1


def test_a_lease_that_ran_out_counts_as_an_attempt(home: CatalogFixture) -> None:
    insert_batch(home)
    claim(home, "a")
    taken_over: list[str] = []
    [row] = claim(home, "b", now=NOW + LEASE, expired=taken_over)
    assert (row.lease_owner, row.attempts, taken_over) == ("b", 1, [row.id])


def test_a_former_holder_settles_nothing(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    rows = claim(home, "a")
    claim(home, "b", now=NOW + LEASE)
    before = rows_of(home, batch_id)
    assert record_outcomes(
        home, completed_download(rows[0]), failed_download(rows[1]), owner="a"
    ) == download_queue.OutcomeCounts(0, 0)
    assert rows_of(home, batch_id) == before
    assert downloads_of(home, batch_id)[1:3] == (0, 0)


def test_the_batch_counts_what_its_attachments_become(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 3)
    assert downloads_of(home, batch_id) == (3, 0, 0, DownloadStatus.PENDING)
    rows = claim(home)
    assert downloads_of(home, batch_id) == (3, 0, 0, DownloadStatus.IN_PROGRESS)
    assert record_outcomes(
        home, completed_download(rows[0]), failed_download(rows[1])
    ) == download_queue.OutcomeCounts(1, 1)
    assert downloads_of(home, batch_id) == (3, 1, 1, DownloadStatus.IN_PROGRESS)
    record_outcomes(home, failed_download(rows[2], due_at=NOW + 5))
    assert downloads_of(home, batch_id) == (3, 1, 1, DownloadStatus.IN_PROGRESS)
    record_outcomes(home, completed_download(*claim(home, now=NOW + 5)), now=NOW + 5)
    assert downloads_of(home, batch_id) == (3, 2, 1, DownloadStatus.PARTIAL_FAILURE)


def test_a_batch_of_which_nothing_could_be_had_has_failed(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    record_outcomes(home, *(failed_download(row) for row in claim(home)))
    assert downloads_of(home, batch_id) == (2, 0, 2, DownloadStatus.FAILED)


def test_settling_twice_counts_once(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    rows = claim(home)
    record_outcomes(home, completed_download(rows[0]))
    record_outcomes(home, completed_download(rows[0]))
    assert downloads_of(home, batch_id)[1] == 1


def test_what_became_of_an_attachment_is_told(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    assert [row.view().attempts for row in rows_of(home, batch_id)] == [0, 0]
    first, second = claim(home)
    assert [row.view().attempts for row in rows_of(home, batch_id)] == [1, 1]
    record_outcomes(home, completed_download(first), failed_download(second))
    shown = [row.view() for row in rows_of(home, batch_id)]
    assert (shown[0].status, shown[0].size) == (AttachmentStatus.COMPLETE, 12)
    assert (shown[0].mime_type, shown[0].sha256) == ("application/pdf", "ab" * 32)
    assert shown[1].status is AttachmentStatus.FAILED
    assert shown[1].error == attachments.AttachmentFault(
        "HTTP_STATUS", "files.example answered 404."
    )
    assert [one.attempts for one in shown] == [1, 1]


def test_another_try_waits_for_its_time(home: CatalogFixture) -> None:
    batch_id = insert_batch(home)
    record_outcomes(home, failed_download(*claim(home), due_at=NOW + 50))
    [row] = rows_of(home, batch_id)
    assert (row.status, row.attempts, row.view().next_attempt_at) == (
        AttachmentStatus.PENDING,
        1,
        NOW + 50,
    )
    record_outcomes(
        home, failed_download(*claim(home, now=NOW + 50), due_at=NOW + 99, counts_as_attempt=False)
    )
    assert rows_of(home, batch_id)[0].attempts == 1


def test_failed_attachments_are_retried_with_all_of_their_tries(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 3)
    rows = claim(home)
    record_outcomes(
        home, completed_download(rows[0]), failed_download(rows[1]), failed_download(rows[2])
    )
    with home.catalog.transaction() as tx:
        assert attachments.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 2
        assert attachments.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 0
    assert downloads_of(home, batch_id) == (3, 1, 0, DownloadStatus.IN_PROGRESS)
    again = claim(home)
    assert [(row.id, row.attempts) for row in again] == [(row.id, 0) for row in rows[1:]]
    assert all(row.error_code == "HTTP_STATUS" for row in again)
    record_outcomes(home, *(completed_download(row) for row in again))
    assert downloads_of(home, batch_id) == (3, 3, 0, DownloadStatus.COMPLETE)
    assert all(row.error_code is None for row in rows_of(home, batch_id))


def test_a_retry_touches_no_other_workspace(catalog: Catalog) -> None:
    home, stranger = catalog_fixture(catalog), catalog_fixture(catalog)
    batch_id = insert_batch(home)
    record_outcomes(home, failed_download(*claim(home)))
    with catalog.transaction() as tx:
        assert attachments.retry_failed(tx, stranger.workspace_id, batch_id, now=NOW) == 0
        assert attachments.get(tx, stranger.workspace_id, f"{batch_id}-0-0") is None
        assert attachments.get(tx, home.workspace_id, f"{batch_id}-0-0") is not None


def test_leases_are_renewed_released_and_abandoned(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 2)
    rows = claim(home)
    with home.catalog.transaction() as tx:
        assert download_queue.renew(tx, "a", ids(rows), NOW + 5 * LEASE) == 2
        assert download_queue.renew(tx, "b", ids(rows), NOW + 9 * LEASE) == 0
    assert claim(home, "b", now=NOW + 4 * LEASE) == []
    with home.catalog.transaction() as tx:
        assert download_queue.release(tx, ids(rows)[:1], owner="a", due_at=NOW) == 1
        assert download_queue.expire_leases(tx, "a", now=NOW) == 1
    after = claim(home, "b")
    assert [(row.id, row.attempts) for row in after] == [
        (rows_of(home, batch_id)[0].id, 0),
        (rows_of(home, batch_id)[1].id, 1),
    ]


def test_a_page_goes_on_where_the_last_one_ended(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 5)
    with home.catalog.snapshot() as tx:
        first = attachments.page(tx, batch_id, limit=2)
        after = first[-1].line, first[-1].place
        rest = attachments.page(tx, batch_id, limit=10, after=after)
    assert [row.line for row in (*first, *rest)] == [0, 1, 2, 3, 4]


def test_a_page_of_one_status(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 4)
    rows = claim(home, limit=3)
    record_outcomes(home, completed_download(rows[0]), failed_download(rows[1]))
    with home.catalog.snapshot() as tx:
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


def test_many_who_claim_at_once_share_without_overlap(home: CatalogFixture) -> None:
    batches = [insert_batch(home, 5, host=f"host-{number}") for number in range(8)]

    def take(number: int) -> list[attachments.AttachmentRow]:
        return claim(home, f"w{number}", limit=10, host_limit=5)

    taken = list(run_concurrently(4, take))
    every = [row.id for rows in taken for row in rows]
    assert len(every) == len(set(every)) == 8 * 5
    owners = [{row.host for row in rows} for rows in taken]
    assert sum(len(hosts) for hosts in owners) == len(set[str]().union(*owners)) == len(batches)


def test_what_waits_is_counted(home: CatalogFixture) -> None:
    insert_batch(home, 5)
    rows = claim(home, limit=3)
    record_outcomes(
        home,
        completed_download(rows[0]),
        completed_download(rows[1], is_extractable=False),
        failed_download(rows[2]),
    )
    with home.catalog.autocommit() as tx:
        assert backlog.attachment_backlog(tx) == backlog.AttachmentBacklog(fetch=2, read=1)
