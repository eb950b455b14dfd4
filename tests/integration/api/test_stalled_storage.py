"""Requests while the storage accepts calls and does not answer, as a hanging disk does."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import msgspec
import pytest

from everlake.api.app import create_app
from everlake.api.connections import Connections
from everlake.api.opening import open_services
from everlake.api.services import Services
from everlake.attachments.paths import content_path
from everlake.attachments.uploads.service import UploadService
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.catalog.table_definitions import attachments as attachments_table
from everlake.catalog.table_definitions import jobs as jobs_table
from everlake.catalog.uploads import UploadQuota
from everlake.operations.keys import create_key
from everlake.settings import settings_from
from everlake.storage import DiskReserve, ObjectInfo
from everlake.storage.local import LocalStore
from everlake.storage.types import DEFAULT_CHUNK_SIZE
from tests.support.api_workspaces import assert_error
from tests.support.worker_attachments import attach, landed, with_attachments
from tests.support.worker_fixture import WorkerFixture

T = TypeVar("T")

CONTENT = b"some content"
SHA256 = "0" * 64
STORAGE_TIMEOUT = 2.0
"""Seconds; a busy machine must not take as long for what does not stall."""


class StallingStore(LocalStore):
    """Objects in a directory, which are not read or written while ``answers`` is not set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.answers = threading.Event()
        self.answers.set()

    def put_many(self, objects: Any, *, roll_back: bool = True) -> None:
        self.answers.wait()
        super().put_many(objects, roll_back=roll_back)

    def size(self, path: str) -> int:
        self.answers.wait()
        return super().size(path)

    def get(self, path: str) -> bytes:
        self.answers.wait()
        return super().get(path)

    def read(
        self,
        path: str,
        start: int = 0,
        end: int | None = None,
        *,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
    ) -> Iterator[bytes]:
        self.answers.wait()
        yield from super().read(path, start, end, chunk_size=chunk_size)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.answers.wait()
        yield from super().list(prefix)


class StallingLake:
    """A lake none of whose calls return before ``answers`` is set."""

    def __init__(self, answers: threading.Event) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> "StallingLake":
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        self._answers.wait()
        raise AssertionError("nobody waits for it any more")


class StalledServer:
    """The services of an API process over a storage that can be stalled, and a key."""

    def __init__(self, data: Path) -> None:
        self._fixture = WorkerFixture(data)
        self._store = self._fixture.store
        self.batch_id = landed(
            self._fixture, with_attachments("a", attach("https://example.com/file"))
        )
        self.rejected_id = self._fixture.accept(with_attachments("b"), {})
        created = create_key(
            self._fixture.catalog,
            self._fixture.workspace_id,
            label="test",
            permissions=("api:read", "api:write"),
            source="api",
            max_live=10,
        )
        self.key = created.secret
        self.attachment_id = f"{self.batch_id}-0-0"
        self.store = StallingStore(data)
        settings = settings_from(
            {"data": str(data), "rate_limit": 1_000, "rate_burst": 1_000, "body_timeout": 5}
        )
        opened = open_services(settings)
        self.services = msgspec.structs.replace(
            opened,
            store=self.store,
            storage_timeout=STORAGE_TIMEOUT,
            lake_timeout=STORAGE_TIMEOUT,
            uploads=UploadService(
                opened.catalog,
                self.store,
                lifetime_hours=1,
                part_bytes=1 << 20,
                direct=False,
                quota=UploadQuota(size=0, count=0),
                disk=DiskReserve([], 0),
                workspace_quotas=WorkspaceQuotas(opened.catalog, total_bytes=0, records_per_day=0),
            ),
        )

    def close(self) -> None:
        self.services.catalog.close()
        self._fixture.close()

    def store_attachment(self) -> None:
        """Let the content of the first batch's attachment be stored."""
        path = content_path(self._fixture.workspace_id, SHA256)
        self.store.put_many([(path, CONTENT)])
        self._update_attachment(status="COMPLETE", sha256=SHA256, size=len(CONTENT))

    def forget_attachments(self) -> None:
        """Let the first batch be one that landed before attachments were listed."""
        with self._fixture.catalog.transaction() as tx:
            tx.execute(jobs_table.delete())
            tx.execute(attachments_table.delete())

    def stall_lake(self) -> None:
        """Let the lake stall with the storage."""
        lake = cast("Any", StallingLake(self.store.answers))
        self.services = msgspec.structs.replace(self.services, lake=lake)

    def _update_attachment(self, **values: Any) -> None:
        with self._fixture.catalog.transaction() as tx:
            tx.execute(
                attachments_table.update()
                .where(attachments_table.c.id == self.attachment_id)
                .values(**values)
            )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StalledServer]:
    server = StalledServer(tmp_path / "data")
    yield server
    server.close()


@asynccontextmanager
async def client(server: StalledServer) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the application; threads that stand still go on at the end."""
    transport = httpx.ASGITransport(app=cast("Any", create_app(server.services, Connections(0))))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://everlake", headers={"x-api-key": server.key}
    ) as http:
        try:
            yield http
        finally:
            server.store.answers.set()


def run(server: StalledServer, call: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    async def main() -> T:
        async with client(server) as http:
            return await call(http)

    return asyncio.run(main())


def assert_timed_out(answer: httpx.Response, what: str = "storage") -> None:
    message = assert_error(answer, 503, "UNAVAILABLE")["message"]
    assert message.startswith(f"The {what} does not answer in time")


def test_downloads_get_a_503_in_time(server: StalledServer) -> None:
    server.store_attachment()
    path = f"/api/v1/attachments/{server.attachment_id}/content"

    async def call(http: httpx.AsyncClient) -> None:
        server.store.answers.clear()
        assert_timed_out(await http.get(path))
        server.store.answers.set()
        assert (await http.get(path)).content == CONTENT

    run(server, call)


def test_lists_of_rejected_records_get_a_503_in_time(server: StalledServer) -> None:
    path = f"/api/v1/ingest/batches/{server.rejected_id}/errors"

    async def call(http: httpx.AsyncClient) -> None:
        server.store.answers.clear()
        assert_timed_out(await http.get(path))
        server.store.answers.set()
        assert len((await http.get(path)).json()["errors"]) == 1

    run(server, call)


def test_retries_of_attachments_get_a_503_in_time(server: StalledServer) -> None:
    server.forget_attachments()
    path = f"/api/v1/ingest/batches/{server.batch_id}/attachments/retry"

    async def call(http: httpx.AsyncClient) -> None:
        server.store.answers.clear()
        assert_timed_out(await http.post(path))

    run(server, call)


@pytest.mark.parametrize("path", ["records", "records/unknown", "search?q=hello"])
def test_reads_of_the_lake_get_a_503_in_time(server: StalledServer, path: str) -> None:
    server.stall_lake()

    async def call(http: httpx.AsyncClient) -> None:
        server.store.answers.clear()
        assert_timed_out(await http.get(f"/api/v1/{path}"), "lake")
        # Requests that need the catalog alone are served meanwhile.
        assert (await http.get("/api/v1/ingest/batches")).status_code == 200

    run(server, call)


def test_uploads_get_a_503_in_time_and_may_be_sent_again(server: StalledServer) -> None:
    async def call(http: httpx.AsyncClient) -> None:
        announced = await http.post("/api/v1/uploads", json={"size": len(CONTENT)})
        path = f"/api/v1/uploads/{announced.json()['upload_intent_id']}"
        server.store.answers.clear()
        assert_timed_out(await http.get(path))
        assert_timed_out(await http.put(path, content=CONTENT))
        server.store.answers.set()
        assert (await http.put(path, content=CONTENT)).json()["status"] == "COMPLETE"

    run(server, call)


def test_the_memory_of_a_part_is_free_when_no_thread_holds_it_any_more(
    server: StalledServer,
) -> None:
    async def call(http: httpx.AsyncClient) -> tuple[int, int]:
        announced = await http.post("/api/v1/uploads", json={"size": len(CONTENT)})
        path = f"/api/v1/uploads/{announced.json()['upload_intent_id']}"
        before = free_bytes(server.services)
        server.store.answers.clear()
        assert_timed_out(await http.put(path, content=CONTENT))
        assert free_bytes(server.services) == tuple(free - len(CONTENT) for free in before)
        server.store.answers.set()
        async with asyncio.timeout(60):
            while free_bytes(server.services) != before:  # noqa: ASYNC110 - of another thread
                await asyncio.sleep(0.01)
        return before

    run(server, call)


def free_bytes(services: Services) -> tuple[int, int]:
    return services.upload_memory.free, services.body_memory.free
