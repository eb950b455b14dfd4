"""everlake batches attachments and retry-attachments, on a data directory without a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import Hostile, hostile
from tests.integration.cli.command import Cli, well
from tests.integration.worker.attaching import attach, fetching, landed, with_attachments
from tests.integration.worker.home import Home


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "data")
    yield home
    home.close()


def fetched(home: Home, server: Hostile) -> str:
    """A batch with one attachment that is here and one that is not."""
    good = attach(server.url("file/1200"), filename="[b]good.bin")
    gone = attach(server.url("status/404"), filename="gone.bin")
    batch_id = landed(home, with_attachments("a", good, gone))
    with fetching(home) as fetcher:
        fetcher.until_settled(batch_id)
    return batch_id


def test_each_attachment_is_a_line_that_says_how_far_it_is(
    home: Home, server: Hostile, cli: Cli
) -> None:
    batch_id = fetched(home, server)
    shown = well(cli("batches", "attachments", batch_id)).out
    assert "[b]good.bin" in shown
    assert "1,200" in shown
    assert "HTTP_STATUS" in shown
    only = well(cli("batches", "attachments", batch_id, "--status", "failed")).out
    assert "gone.bin" in only
    assert "good.bin" not in only


def test_with_json_each_is_as_the_api_gives_it(home: Home, server: Hostile, cli: Cli) -> None:
    batch_id = fetched(home, server)
    good, gone = well(cli("batches", "attachments", batch_id, "--json")).lines()
    assert (good["status"], good["size"], good["filename"]) == ("COMPLETE", 1200, "[b]good.bin")
    assert (gone["status"], gone["error"]["code"]) == ("FAILED", "HTTP_STATUS")


def test_failed_ones_are_sent_on_their_way_again(home: Home, server: Hostile, cli: Cli) -> None:
    batch_id = fetched(home, server)
    said = well(cli("batches", "retry-attachments", batch_id)).out
    assert said.startswith("to be fetched again: 1 attachment; to be read again: 0 files.")
    [_, gone] = well(cli("batches", "attachments", batch_id, "--json")).lines()
    assert (gone["status"], gone["attempts"]) == ("PENDING", 0)


def test_a_batch_that_is_not_there_is_told(home: Home, cli: Cli) -> None:
    for command in ("attachments", "retry-attachments"):
        ended = cli("batches", command, "nowhere")
        assert ended.code == 1
        assert "there is no batch nowhere" in ended.err


def test_a_batch_without_attachments_says_so(home: Home, cli: Cli) -> None:
    batch_id = landed(home, with_attachments("a"))
    assert "no attachments" in well(cli("batches", "attachments", batch_id)).out


def test_a_name_cannot_talk_to_the_terminal(home: Home, cli: Cli) -> None:
    name = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe"
    batch_id = landed(home, with_attachments("a", attach(filename=name)))
    shown = well(cli("batches", "attachments", batch_id)).out
    assert "owned" in shown
    assert not {"\x1b", "\x07", "\u202e"}.intersection(shown)
