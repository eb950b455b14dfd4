"""The backup of a running system, by the commands of its page, restored and looked at."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from everlake.catalog import batches, workspaces
from everlake.catalog.opening import open_catalog
from everlake.integrity.copy.archive import list_archive_objects
from everlake.lake import Lake
from everlake.landing.paths import ORPHANS, batch_id_of
from everlake.storage.local import LocalStore
from everlake.tables.local_backend import LocalTableBackend
from everlake.worker import garbage_collection
from tests.support.documentation import ROOT, blocks
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    ApiClient,
    environment,
    run_everlake,
    running_server,
)

PAGE = (ROOT / "docs" / "how-to" / "back-up.md").read_text("utf-8")


@dataclass(frozen=True)
class Place:
    """One system: its data directory, its storage, its database."""

    data: Path
    storage: Path
    url: str
    env: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Sent:
    """What was acknowledged, in order: batch and text."""

    batches: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite" and shutil.which("sqlite3") is None:
        pytest.skip("the sqlite3 command is not installed: the page's backup needs it")
    return request.param


@pytest.fixture
def places(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Place]:
    """The system that is backed up, and where it is restored."""
    if kind == "sqlite":
        folders = [tmp_path / "live" / "everlake-data", tmp_path / "restored" / "everlake-data"]
        for folder in folders:
            folder.parent.mkdir()
        made = [Place(each, each, f"sqlite:///{each}/everlake.db") for each in folders]
        made[0].data.mkdir()
        return made[0], made[1]
    server: PostgresServer = request.getfixturevalue("postgres_server")
    for name in ("live", "restored"):
        (tmp_path / name / "data").mkdir(parents=True)
    live, restored = (
        Place(
            tmp_path / name / "data",
            tmp_path / name / "storage",
            url := server.new_database(),
            {
                "EVERLAKE_DATABASE_URL": url,
                "EVERLAKE_STORAGE_URL": (tmp_path / name / "storage").as_uri(),
            },
        )
        for name in ("live", "restored")
    )
    return live, restored


def script(*words: str) -> str:
    """The one block of the page that has all of these words."""
    [found] = [block for block in blocks(PAGE, "sh") if all(word in block for word in words)]
    return found


def run(block: str, place: Place, backup: Path, env: Mapping[str, str]) -> None:
    """Run a block of the page with its folders at these places."""
    text = re.sub(r"/backup/everlake\b", str(backup), block)
    text = text.replace("/mnt/shared/everlake", str(place.storage))
    clients = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, clients), str(Path(sys.executable).parent)])
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=place.data.parent,
        env={
            **environment(place.data, {**place.env, **env}),
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)


@contextmanager
def sending(api: ApiClient, sent: Sent) -> Iterator[None]:
    """A client that sends without a pause, for the length of a block."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.01):
            text = f"text {len(sent.batches)}"
            one = api.record(_vendor_ids={"id": text}, data={"text": text})
            sent.batches.append((api.accept([one]), text))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def known_batches(place: Place) -> set[str]:
    catalog = open_catalog(place.url)
    with catalog.snapshot() as tx:
        [workspace] = workspaces.page(tx, limit=10)
        found = {row.id for row in batches.page(tx, workspace.id, limit=100_000)}
    catalog.close()
    return found


def texts(place: Place) -> set[str]:
    catalog = open_catalog(place.url)
    with catalog.snapshot() as tx:
        [workspace] = workspaces.page(tx, limit=10)
    catalog.close()
    found: set[str] = set()
    before = None
    while True:
        page = Lake(LocalTableBackend(place.storage)).records.page(
            workspace.id, limit=1_000, before_version=before
        )
        found |= {json.loads(each.data)["text"] for each in page.records}
        before = page.next_before
        if before is None:
            return found


def test_a_backup_under_load_has_every_202_of_before_and_loses_nothing_of_its_archive(
    places: tuple[Place, Place], kind: str, tmp_path: Path
) -> None:
    live, restored = places
    backup = tmp_path / "backup" / "everlake"
    init = ("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json")
    setup = json.loads(run_everlake(*init, data=live.data, env=live.env).stdout)
    sent = Sent()
    copy = script("pg_dump") if kind == "postgresql" else script("sqlite3")
    catalog_first, archive_then = copy.rsplit("for each in", 1)
    # The copy has the leases as well, and its workers wait for their end.
    lease = {"EVERLAKE_LEASE_SECONDS": "2"}
    with running_server("serve", live.data, {**NO_RATE_LIMIT, **lease, **live.env}) as server:
        api = ApiClient(server.url, setup)
        with sending(api, sent):
            wait_until(lambda: len(sent.batches) > 20, "nothing is accepted")
            acknowledged = list(sent.batches)
            run(catalog_first, live, backup, {})
            seen = len(sent.batches)
            wait_until(lambda: len(sent.batches) > seen + 10, "nothing is accepted any more")
            run("for each in" + archive_then, live, backup, {})

    if kind == "postgresql":
        run(script("pg_restore"), restored, backup, {})
    else:
        run(script("cp -a /backup/everlake everlake-data"), restored, backup, {})
    known = known_batches(restored)
    assert known.issuperset(batch_id for batch_id, _ in acknowledged)
    restored_texts = {text for batch_id, text in sent.batches if batch_id in known}
    # What had not landed when the catalog was copied goes on from there.
    run("everlake lake rebuild --all", restored, backup, {})
    with running_server("worker", restored.data, restored.env):
        wait_until(lambda: texts(restored) == restored_texts, "not every record came back")
    run("everlake lake verify --all", restored, backup, {})

    store = LocalStore(restored.storage)
    beyond = {batch_id_of(path) for path in list_archive_objects(store)} - known
    assert beyond >= {batch_id for batch_id, _ in sent.batches[seen : seen + 10]}
    catalog = open_catalog(restored.url)
    garbage_collection.quarantine_orphans(catalog, store, -60_000)
    catalog.close()
    kept = {path for path in list_archive_objects(store) if path.startswith(ORPHANS)}
    assert {batch_id_of(path) for path in kept} == beyond
