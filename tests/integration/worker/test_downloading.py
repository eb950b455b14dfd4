import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from everlake.attachments.paths import content_path
from everlake.catalog import attachments, download_queue
from everlake.catalog.errors import CatalogUnavailable
from everlake.contract.attachments import AttachmentStatus, Retried
from everlake.contract.batches import DownloadStatus
from everlake.operations.attachments import retry_batch_attachments
from everlake.storage import Content, StorageFull, StorageUnavailable
from everlake.worker.attachments.service import expire_leases
from tests.support.hostile_behaviours import HostileServer, content, hostile_server
from tests.support.worker_attachments import (
    CONCURRENCY,
    attach,
    attachment_worker,
    landed,
    progress,
    rows_of,
    with_attachments,
)
from tests.support.worker_fixture import ShiftedClock, WorkerFixture

COMPLETE, FAILED = AttachmentStatus.COMPLETE, AttachmentStatus.FAILED


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as made:
        yield made


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stored(home: WorkerFixture, data: bytes, workspace_id: str | None = None) -> bytes:
    return home.store.get(content_path(workspace_id or home.workspace_id, sha256(data)))


def spooled(home: WorkerFixture) -> list[str]:
    return sorted(path.name for path in (home.data / "spool").iterdir())


def test_what_records_point_to_is_fetched_checked_and_stored(
    home: WorkerFixture, server: HostileServer
) -> None:
    data = content(100_000)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    stated = {"size": len(data), "md5": md5, "sha1": sha1.upper()}
    batch_id = landed(home, with_attachments("a", attach(server.url("file/100000"), **stated)))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    [row] = rows_of(home, batch_id)
    assert (row.status, row.size, row.sha256) == (COMPLETE, len(data), sha256(data))
    assert stored(home, data) == data
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)
    assert spooled(home) == []


def test_a_batch_tells_how_far_its_attachments_are_at_every_moment(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = home.accept(
        with_attachments("a", attach(server.url("file/10")), attach(server.url("status/404"))),
        with_attachments("b"),
    )
    assert progress(home, batch_id) == (2, 0, 0, DownloadStatus.PENDING)
    home.process_all()
    assert home.batch(batch_id).status == "COMPLETE"
    assert progress(home, batch_id) == (2, 0, 0, DownloadStatus.PENDING)
    with attachment_worker(home) as fetcher:
        fetcher.run_once()
        assert progress(home, batch_id)[3] is not DownloadStatus.PENDING
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (2, 1, 1, DownloadStatus.PARTIAL_FAILURE)


def test_what_is_not_as_stated_fails_with_its_own_code(
    home: WorkerFixture, server: HostileServer
) -> None:
    url = server.url("file/1000")
    batch_id = landed(
        home,
        with_attachments(
            "a",
            attach(url, size=999),
            attach(url, sha1="0" * 40),
            attach(url, md5="0" * 32),
            attach(),
            attach("http://169.254.169.254/latest/meta-data"),
            attach("http://user:secret@127.0.0.1/"),
        ),
    )
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert [row.error_code for row in rows_of(home, batch_id)] == [
        "SIZE_MISMATCH",
        "SHA1_MISMATCH",
        "MD5_MISMATCH",
        "NOTHING_TO_FETCH",
        "ADDRESS_NOT_ALLOWED",
        "URL_NOT_ALLOWED",
    ]
    assert progress(home, batch_id) == (6, 0, 6, DownloadStatus.FAILED)
    assert spooled(home) == []


def test_the_same_content_is_stored_once_a_workspace(
    home: WorkerFixture, server: HostileServer
) -> None:
    other = home.new_workspace("other")
    data = content(5_000)
    urls = [server.url(f"file/5000?copy={number}") for number in range(5)]
    ours = landed(home, with_attachments("a", *(attach(url) for url in urls)))
    theirs = home.accept(with_attachments("a", attach(urls[0])), workspace_id=other)
    home.process_all()
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(ours, theirs)
    assert {row.sha256 for row in rows_of(home, ours)} == {sha256(data)}
    assert stored(home, data) == stored(home, data, other) == data
    folder = home.data / "attachments" / f"workspace={home.workspace_id}"
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def test_what_passes_is_tried_again_and_what_does_not_is_not(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock
) -> None:
    batch_id = landed(
        home,
        with_attachments(
            "a",
            attach(server.url("busy-once/100")),
            attach(server.url("status/503")),
            attach(server.url("status/410")),
        ),
    )
    with attachment_worker(home, attachment_attempts=3) as fetcher:
        while not rows_of(home, batch_id)[0].attempts:
            fetcher.run_once()
        clock.advance(12_000)
        fetcher.run_until_settled(batch_id)
    busy, away, gone = rows_of(home, batch_id)
    assert (busy.status, busy.attempts) == (COMPLETE, 1)
    assert (away.status, away.attempts, away.error_code) == (FAILED, 3, "HTTP_STATUS")
    assert (gone.status, gone.attempts, gone.error_code) == (FAILED, 1, "HTTP_STATUS")


def test_a_server_that_asks_to_wait_is_left_alone_for_so_long(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("status/429?after=120"))))
    url_asked = "/status/429?after=120"
    with attachment_worker(home) as fetcher:
        while not rows_of(home, batch_id)[0].attempts:
            fetcher.run_once()
        [row] = rows_of(home, batch_id)
        wait = row.due_at - home.catalog.now_ms()
        assert 100_000 < wait <= 121_000
        fetcher.run_once()
        assert server.request_counts[url_asked] == 1
        clock.advance(121_000)
        while rows_of(home, batch_id)[0].attempts < 2:
            fetcher.run_once()
    assert server.request_counts[url_asked] == 2


def test_a_download_that_was_cut_goes_on_where_it_stopped(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("cut/500000/300000"))))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    [row] = rows_of(home, batch_id)
    assert (row.status, row.attempts) == (COMPLETE, 1)
    assert stored(home, content(500_000)) == content(500_000)
    assert spooled(home) == []


def test_failed_attachments_can_be_retried(home: WorkerFixture, server: HostileServer) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("available-on-retry/70"))))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
        assert progress(home, batch_id) == (1, 0, 1, DownloadStatus.FAILED)
        with home.catalog.transaction() as tx:
            now = home.catalog.now_ms()
            assert attachments.retry_failed(tx, home.workspace_id, batch_id, now=now) == 1
        assert progress(home, batch_id) == (1, 0, 0, DownloadStatus.IN_PROGRESS)
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)


def test_attachments_of_a_batch_from_before_they_were_listed_are_listed_by_a_retry(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/70?before"))))
    with home.catalog.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM attachments")
    place = (home.catalog, home.store, home.workspace_id, batch_id)
    assert retry_batch_attachments(*place) == Retried(1, 0)
    assert retry_batch_attachments(*place) == Retried(0, 0)
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)


def test_many_attachments_of_one_workspace_do_not_hold_up_those_of_another(
    home: WorkerFixture, server: HostileServer
) -> None:
    urls = [server.url(f"late/10?n={number}") for number in range(400)]
    parts = [urls[start : start + 10] for start in range(0, 400, 10)]
    many = landed(
        home, *(with_attachments(f"{n}", *map(attach, part)) for n, part in enumerate(parts))
    )
    with attachment_worker(
        home, attachment_concurrency=2, attachment_host_concurrency=16
    ) as fetcher:
        while not progress(home, many)[1]:
            fetcher.run_once()
        other = home.new_workspace("other")
        one = home.accept(with_attachments("a", attach(urls[0])), workspace_id=other)
        home.process_all()
        fetcher.run_until_settled(one)
        assert progress(home, many)[1] < 300
    assert [row.status for row in rows_of(home, one)] == [COMPLETE]


def test_a_worker_that_stops_hands_back_what_it_has_and_another_goes_on(
    home: WorkerFixture, server: HostileServer
) -> None:
    urls = [server.url(f"silent-body/200000?n={n}") for n in range(8)]
    batch_id = landed(home, with_attachments("a", *map(attach, urls)))
    with attachment_worker(home, "first") as fetcher:
        fetcher.run_once()
        assert rows_of(home, batch_id)[0].lease_owner == "first/fetch"
    assert {row.lease_owner for row in rows_of(home, batch_id)} == {None}
    assert {row.attempts for row in rows_of(home, batch_id)} == {0}


def test_what_a_dead_worker_had_is_taken_over_and_counted_once(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/3000"))))
    with home.catalog.transaction() as tx:
        now = home.catalog.now_ms()
        [row] = download_queue.claim(
            tx,
            owner="dead/fetch",
            now=now,
            lease_ms=30_000,
            limit=9,
            host_limit=9,
            turns=download_queue.ClaimTurns(),
        )
        assert expire_leases(tx, "dead", now=now) == 1
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    late = download_queue.CompletedDownload(
        id=row.id,
        workspace_id=home.workspace_id,
        batch_id=batch_id,
        size=1,
        mime_type="text/plain",
        sha256="0" * 64,
        is_extractable=False,
    )
    with home.catalog.transaction() as tx:
        settled = download_queue.record_outcomes(tx, owner="dead/fetch", now=now, completed=[late])
    assert settled == download_queue.OutcomeCounts(0, 0)
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)
    assert rows_of(home, batch_id)[0].sha256 == sha256(content(3_000))


def test_an_attachment_that_ends_every_worker_is_given_up(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/1"))))
    for _ in range(9):
        with home.catalog.transaction() as tx:
            now = home.catalog.now_ms()
            claimed = download_queue.claim(
                tx,
                owner="dead/fetch",
                now=now,
                lease_ms=30_000,
                limit=9,
                host_limit=9,
                turns=download_queue.ClaimTurns(),
            )
            assert claimed
            expire_leases(tx, "dead", now=now)
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    [row] = rows_of(home, batch_id)
    assert (row.status, row.error_code) == (FAILED, "GIVEN_UP")


def test_storage_in_trouble_is_waited_out_and_no_attempt_is_counted(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/4000"))))
    broken = threading.Event()
    put_files = home.store.put_files

    def put(objects: list[tuple[str, Content]], **options: object) -> None:
        if not broken.is_set():
            broken.set()
            raise StorageFull("the storage disk is full")
        put_files(objects)

    monkeypatch.setattr(home.store, "put_files", put)
    with attachment_worker(home) as fetcher:
        while rows_of(home, batch_id)[0].error_code is None:
            fetcher.run_once()
        [row] = rows_of(home, batch_id)
        assert (row.status, row.attempts, row.error_code) == ("PENDING", 0, "NOT_KEPT")
        assert "disk" not in (row.error or "")
        clock.advance(60_000)
        fetcher.run_until_settled(batch_id)
    assert stored(home, content(4_000)) == content(4_000)
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)


def test_no_attachment_is_fetched_where_none_is_to_be(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/9?none"))))
    with attachment_worker(home, attachment_concurrency=0) as fetcher:
        for _ in range(3):
            fetcher.run_once()
    assert server.request_counts["/file/9?none"] == 0
    assert progress(home, batch_id) == (1, 0, 0, DownloadStatus.PENDING)


def test_no_more_of_a_host_is_fetched_at_once_than_may_be(
    home: WorkerFixture, server: HostileServer
) -> None:
    urls = [server.url(f"late/4000?share={number}") for number in range(12)]
    batch_id = landed(
        home,
        with_attachments("a", *(attach(url) for url in urls[:6])),
        with_attachments("b", *(attach(url) for url in urls[6:])),
    )
    with attachment_worker(home, attachment_host_concurrency=3) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (12, 12, 0, DownloadStatus.COMPLETE)
    assert 1 < CONCURRENCY.most <= 3


def test_two_workers_fetch_each_attachment_once(home: WorkerFixture, server: HostileServer) -> None:
    ids = [
        landed(
            home,
            *(
                with_attachments(f"{batch}-{n}", attach(server.url(f"file/{900 + n}?two={batch}")))
                for n in range(25)
            ),
        )
        for batch in range(4)
    ]
    with attachment_worker(home, "a") as one, attachment_worker(home, "b") as two:
        threads = [
            threading.Thread(target=fetcher.run_until_settled, args=ids) for fetcher in (one, two)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for batch, batch_id in enumerate(ids):
        assert progress(home, batch_id) == (25, 25, 0, DownloadStatus.COMPLETE)
        assert {server.request_counts[f"/file/{900 + n}?two={batch}"] for n in range(25)} == {1}


def test_a_record_that_came_again_has_its_own_attachments(
    home: WorkerFixture, server: HostileServer
) -> None:
    first = landed(home, with_attachments("same", attach(server.url("file/11"))))
    second = landed(home, with_attachments("same", attach(server.url("file/12"))))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(first, second)
    assert progress(home, first) == progress(home, second) == (1, 1, 0, DownloadStatus.COMPLETE)


def test_names_that_a_database_cannot_hold_are_kept_as_well_as_can_be(home: WorkerFixture) -> None:
    raw = json.dumps(with_attachments("a", attach(filename="a\0b", mime_type="x\0")))
    batch_id = home.accept_texts([raw])
    home.process_all()
    [row] = rows_of(home, batch_id)
    assert (row.filename, row.stated_type) == ("a\ufffdb", "x\ufffd")


def test_a_batch_that_lands_again_lists_its_attachments_once(
    home: WorkerFixture, server: HostileServer
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/8"))), analysed=False)
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    before = rows_of(home, batch_id)
    home.landing_stage().process([home.batch(batch_id)])
    assert rows_of(home, batch_id) == before


def test_a_spool_that_cannot_be_written_is_waited_out(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock
) -> None:
    batch_id = landed(home, with_attachments("a", attach(server.url("file/300000?spool"))))
    with attachment_worker(home) as fetcher:
        spool = home.data / "spool"
        spool.rename(home.data / "away")
        spool.write_text("no folder")
        while rows_of(home, batch_id)[0].error_code is None:
            fetcher.run_once()
        [row] = rows_of(home, batch_id)
        assert (row.attempts, row.error_code) == (0, "NOT_KEPT")
        spool.unlink()
        (home.data / "away").rename(spool)
        clock.advance(60_000)
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (1, 1, 0, DownloadStatus.COMPLETE)


def test_large_content_does_not_keep_small_ones_waiting(
    home: WorkerFixture, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 16 * 1024 * 1024 + 1
    urls = [server.url(f"file/{size}"), server.url("file/30")]
    batch_id = landed(home, with_attachments("a", *map(attach, urls)))
    put_files, small_is_there = home.store.put_files, threading.Event()

    def put(objects: list[tuple[str, Content]], **options: Any) -> None:
        if any(isinstance(content, Path) for _, content in objects):
            assert small_is_there.wait(30)
        put_files(objects, **options)

    monkeypatch.setattr(home.store, "put_files", put)
    with attachment_worker(home) as fetcher:
        while rows_of(home, batch_id)[1].status is not COMPLETE:
            fetcher.run_once()
        assert rows_of(home, batch_id)[0].status == "PENDING"
        small_is_there.set()
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id) == (2, 2, 0, DownloadStatus.COMPLETE)
    assert stored(home, content(size)) == content(size)


def test_large_content_that_cannot_be_stored_is_fetched_again_later(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 16 * 1024 * 1024 + 2
    batch_id = landed(home, with_attachments("a", attach(server.url(f"file/{size}"))))
    put_files, failed = home.store.put_files, threading.Event()

    def put(objects: list[tuple[str, Content]], **options: Any) -> None:
        if objects and not failed.is_set():
            failed.set()
            raise StorageFull("full")
        put_files(objects, **options)

    monkeypatch.setattr(home.store, "put_files", put)
    with attachment_worker(home) as fetcher:
        while rows_of(home, batch_id)[0].error_code is None:
            fetcher.run_once()
        clock.advance(60_000)
        fetcher.run_until_settled(batch_id)
    assert stored(home, content(size)) == content(size)
    assert rows_of(home, batch_id)[0].attempts == 0


def test_storage_that_stays_in_trouble_does_not_fill_the_spool(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url("file/300000?trouble")
    batch_id = landed(home, with_attachments("a", attach(url)))
    put_files, tries = home.store.put_files, 0

    def put(objects: list[tuple[str, Content]], **options: Any) -> None:
        nonlocal tries
        tries += len(objects)
        if objects and tries <= 4:
            raise StorageFull("full")
        put_files(objects, **options)

    monkeypatch.setattr(home.store, "put_files", put)
    with attachment_worker(home) as fetcher:
        for number in range(1, 4):
            while tries < number:
                fetcher.run_once()
            assert rows_of(home, batch_id)[0].due_at - home.catalog.now_ms() >= 10_000
            assert spooled(home) == []
            clock.advance(60_000)
        while tries < 5:
            fetcher.run_once()
            clock.advance(1_000)
        fetcher.run_until_settled(batch_id)
    assert stored(home, content(300_000)) == content(300_000)
    assert rows_of(home, batch_id)[0].attempts == 0


def test_files_beyond_the_quota_are_not_fetched_until_it_is_raised(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock
) -> None:
    url = server.url("file/3000?quota")
    batch_id = landed(home, with_attachments("a", attach(url)))
    with attachment_worker(home, quota_bytes=1) as fetcher:
        while rows_of(home, batch_id)[0].error_code is None:
            fetcher.run_once()
    [row] = rows_of(home, batch_id)
    assert (row.status, row.attempts, row.error_code) == ("PENDING", 1, "NOT_KEPT")
    assert "EVERLAKE_QUOTA_BYTES" in (row.error or "")
    assert server.request_counts["/file/3000?quota"] == 0
    clock.advance(60_000)
    with attachment_worker(home, "another", quota_bytes=1_000_000) as fetcher:
        fetcher.run_until_settled(batch_id)
    assert stored(home, content(3_000)) == content(3_000)


def landed_with_many(home: WorkerFixture, server: HostileServer, word: str) -> str:
    """A batch with 600 attachments, whose URLs ask for ``word``."""
    urls = [server.url(f"file/5000?{word}={number}") for number in range(600)]
    return landed(
        home,
        *(
            with_attachments(str(at), *(attach(url) for url in urls[at : at + 10]))
            for at in range(0, len(urls), 10)
        ),
    )


def test_while_storage_is_away_nothing_more_is_fetched(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = landed_with_many(home, server, "away")
    away, looks = True, 0
    put_files, check = home.store.put_files, home.store.check

    def put(objects: list[tuple[str, Content]], **options: Any) -> None:
        if away:
            raise StorageUnavailable("the bucket is away")
        put_files(objects, **options)

    def look() -> None:
        nonlocal looks
        looks += 1
        if away:
            raise StorageUnavailable("the bucket is away")
        check()

    monkeypatch.setattr(home.store, "put_files", put)
    monkeypatch.setattr(home.store, "check", look)
    with attachment_worker(home) as fetcher:
        while not looks:
            fetcher.run_once()
        while looks < 3:
            fetcher.run_once()
        asked = dict(server.request_counts)
        clock.advance(60_000)
        while looks < 5:
            fetcher.run_once()
        assert 0 < sum("away=" in target for target in asked) < 600
        assert server.request_counts == asked
        away = False
        fetcher.run_until_settled(batch_id)
    assert {row.attempts for row in rows_of(home, batch_id)} == {0}


def test_what_is_handed_back_while_storage_and_catalog_are_away_is_not_lost(
    home: WorkerFixture, server: HostileServer, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = landed_with_many(home, server, "both")
    put_files, release = home.store.put_files, download_queue.release
    broken = {"storage", "catalog"}

    def put(objects: list[tuple[str, Content]], **options: Any) -> None:
        if objects and "storage" in broken:
            broken.discard("storage")
            raise StorageUnavailable("the bucket is away")
        put_files(objects, **options)

    def hand_back(*given: Any, **named: Any) -> int:
        if "catalog" in broken:
            broken.discard("catalog")
            raise CatalogUnavailable("the catalog is away")
        return release(*given, **named)

    monkeypatch.setattr(home.store, "put_files", put)
    monkeypatch.setattr(download_queue, "release", hand_back)
    with attachment_worker(home) as fetcher:
        while broken:
            with suppress(CatalogUnavailable):
                fetcher.run_once()
        clock.advance(60_000)
        fetcher.run_until_settled(batch_id)
    assert progress(home, batch_id)[:3] == (600, 600, 0)


def test_one_object_that_is_in_the_way_holds_up_no_other(
    home: WorkerFixture, server: HostileServer
) -> None:
    damaged = home.data / content_path(home.workspace_id, sha256(content(40)))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half")
    sizes = [10, 20, 30, 40, 50]
    batch_id = landed(
        home, with_attachments("a", *(attach(server.url(f"file/{size}")) for size in sizes))
    )
    with attachment_worker(home) as fetcher:
        while any(
            row.status == "PENDING" and not row.error_code for row in rows_of(home, batch_id)
        ):
            time.sleep(0.05)  # so that several are settled together
            fetcher.run_once()
    told = [row.error_code for row in rows_of(home, batch_id)]
    assert told == [None, None, None, "NOT_KEPT", None]
    assert damaged.read_bytes() == b"half"


def test_large_content_that_a_stop_kept_from_being_stored_is_gone_on_with(
    home: WorkerFixture, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 16 * 1024 * 1024 + 3
    batch_id = landed(home, with_attachments("a", attach(server.url(f"file/{size}"))))
    begun, put_files = threading.Event(), home.store.put_files

    def put(objects: list[tuple[str, Content]], *, stop: threading.Event | None = None) -> None:
        if stop is not None:
            begun.set()
            assert stop.wait(30)
            raise StorageFull("stopped")
        put_files(objects)

    monkeypatch.setattr(home.store, "put_files", put)
    with attachment_worker(home) as fetcher:
        while not begun.is_set():
            fetcher.run_once()
    monkeypatch.setattr(home.store, "put_files", put_files)
    [row] = rows_of(home, batch_id)
    assert (row.lease_owner, row.attempts) == (None, 0)
    assert row.id in spooled(home)
