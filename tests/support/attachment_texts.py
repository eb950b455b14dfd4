"""Files that records point to, and what a search finds of their texts."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from everlake.catalog import attachments
from everlake.search import search
from tests.support.worker_attachments import rows_of
from tests.support.worker_fixture import WorkerFixture

NOTE = "The export button freezes when I click it twice.\n"


class Files:
    """A folder that is served."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port

    def put(self, name: str, data: str | bytes) -> str:
        """The URL of a new file."""
        (self._folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return f"http://127.0.0.1:{self._port}/{name}"


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    folder = tmp_path_factory.mktemp("files")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Files(folder, server.server_port)
    server.shutdown()
    server.server_close()


def found(home: WorkerFixture, query: str) -> list[tuple[str, str | None]]:
    """What a search finds: text, and the attachment that it is from."""
    hits = search(home.lake, home.workspace_id, query, limit=100).hits
    return [(hit.text, hit.attachment) for hit in hits]


def text_of(home: WorkerFixture, batch_id: str, place: int = 0) -> attachments.TextProgress:
    """The progress of an attachment's text, as its owner sees it."""
    shown = rows_of(home, batch_id)[place].view().text
    assert isinstance(shown, attachments.TextProgress)
    return shown
