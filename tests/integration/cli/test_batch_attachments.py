"""everlake batches attachments and retry-attachments, on a data directory without a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import Cli, assert_success
from tests.support.hostile_behaviours import HostileServer, hostile_server
from tests.support.worker_attachments import attach, attachment_worker, landed, with_attachments
from tests.support.worker_fixture import WorkerFixture


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    home = WorkerFixture(tmp_path / "data")
    yield home
    home.close()


def fetched(home: WorkerFixture, server: HostileServer) -> str:
    """Return a batch with one attachment that is stored and one whose download failed."""
    good = attach(server.url("file/1200"), filename="[b]good.bin")
    gone = attach(server.url("status/404"), filename="gone.bin")
    batch_id = landed(home, with_attachments("a", good, gone))
    with attachment_worker(home) as fetcher:
        fetcher.run_until_settled(batch_id)
    return batch_id


def test_each_attachment_is_a_line_that_says_how_far_it_is(
    home: WorkerFixture, server: HostileServer, cli: Cli
) -> None:
    batch_id = fetched(home, server)
    shown = assert_success(cli("batches", "attachments", batch_id)).out
    assert "[b]good.bin" in shown
    assert "1,200" in shown
    assert "HTTP_STATUS" in shown
    only = assert_success(cli("batches", "attachments", batch_id, "--status", "failed")).out
    assert "gone.bin" in only
    assert "good.bin" not in only


def test_with_json_each_is_as_the_api_gives_it(
    home: WorkerFixture, server: HostileServer, cli: Cli
) -> None:
    batch_id = fetched(home, server)
    good, gone = assert_success(cli("batches", "attachments", batch_id, "--json")).lines()
    assert (good["status"], good["size"], good["filename"]) == ("COMPLETE", 1200, "[b]good.bin")
    assert (gone["status"], gone["error"]["code"]) == ("FAILED", "HTTP_STATUS")


def test_failed_ones_are_sent_on_their_way_again(
    home: WorkerFixture, server: HostileServer, cli: Cli
) -> None:
    batch_id = fetched(home, server)
    said = assert_success(cli("batches", "retry-attachments", batch_id)).out
    assert said.startswith(
        "to be fetched again: 1 attachment; texts to be extracted again: 0 files."
    )
    [_, gone] = assert_success(cli("batches", "attachments", batch_id, "--json")).lines()
    assert (gone["status"], gone["attempts"]) == ("PENDING", 0)


def test_a_batch_that_is_not_there_is_told(home: WorkerFixture, cli: Cli) -> None:
    for command in ("attachments", "retry-attachments"):
        ended = cli("batches", command, "nowhere")
        assert ended.code == 1
        assert "there is no batch nowhere" in ended.err


def test_a_batch_without_attachments_says_so(home: WorkerFixture, cli: Cli) -> None:
    batch_id = landed(home, with_attachments("a"))
    assert "no such attachments" in assert_success(cli("batches", "attachments", batch_id)).out


def test_a_name_cannot_talk_to_the_terminal(home: WorkerFixture, cli: Cli) -> None:
    name = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe"
    batch_id = landed(home, with_attachments("a", attach(filename=name)))
    shown = assert_success(cli("batches", "attachments", batch_id)).out
    assert "owned" in shown
    assert not {"\x1b", "\x07", "\u202e"}.intersection(shown)
