"""Processes that are killed, stopped or left alone, and the next file is read well."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from everlake.attachments.extraction import (
    AttachmentText,
    ExtractionLimits,
    ExtractionStopped,
    Extractor,
    TextCode,
    TextError,
)
from tests.support.extraction import (
    Extract,
    first_child,
    has_exited,
    launcher_of,
    reader_of,
    sections_of,
)
from tests.support.sample_files import ENDLESS, docx, paragraph

GOOD = docx(paragraph("All is well"))


@pytest.fixture(autouse=True)
def _next_file_is_read_well(extract: Extract) -> Generator[None]:
    yield
    assert sections_of(extract(GOOD, "good.docx")) == [(None, "All is well")]


class InBackground:
    """An extraction in a thread of its own."""

    def __init__(self, extract: Callable[[], AttachmentText]) -> None:
        self.error: Exception | None = None
        self._extract = extract
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._extract()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def ended(self) -> Exception | None:
        self._thread.join()
        return self.error


@pytest.mark.parametrize(
    ("number", "passes"), [(signal.SIGKILL, True), (signal.SIGSEGV, False), (signal.SIGABRT, False)]
)
def test_a_reader_that_is_killed_is_told_as_crashed(
    extract: Extract, extractor: Extractor, number: signal.Signals, passes: bool
) -> None:
    extract(GOOD, "good.docx")
    going = InBackground(lambda: extract(ENDLESS, "a.pdf"))

    os.kill(reader_of(extractor), number)

    error = going.ended()
    assert isinstance(error, TextError)
    assert (error.code, error.retryable) == (TextCode.CRASHED, passes)


def test_a_launcher_killed_while_it_reads_takes_the_reader_with_it(
    extract: Extract, extractor: Extractor
) -> None:
    extract(GOOD, "good.docx")
    going = InBackground(lambda: extract(ENDLESS, "a.pdf"))
    reader = reader_of(extractor)

    os.kill(launcher_of(extractor), signal.SIGKILL)

    error = going.ended()
    assert isinstance(error, TextError)
    assert (error.code, error.retryable) == (TextCode.UNAVAILABLE, True)
    assert has_exited(reader)


def test_a_launcher_killed_while_it_waits_is_not_noticed(
    extract: Extract, extractor: Extractor
) -> None:
    extract(GOOD, "good.docx")
    os.kill(launcher_of(extractor), signal.SIGKILL)
    os.waitid(os.P_PID, launcher_of(extractor), os.WEXITED | os.WNOWAIT)

    assert sections_of(extract(GOOD, "good.docx")) == [(None, "All is well")]


def test_a_reader_is_ended_when_it_is_to_stop(extractor: Extractor, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(GOOD)
    stop = threading.Event()
    extractor.extract(path, mime_type="", filename="a.docx", stop=stop)
    path.write_bytes(ENDLESS)
    going = InBackground(lambda: extractor.extract(path, mime_type="", filename="a.pdf", stop=stop))
    reader = reader_of(extractor)

    stop.set()

    assert isinstance(going.ended(), ExtractionStopped)
    assert has_exited(reader)


def test_closing_ends_every_process_and_leaves_nothing_behind(
    limits: ExtractionLimits, tmp_path: Path
) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(GOOD)
    extractor = Extractor(limits)
    extractor.extract(path, mime_type="", filename="a.docx", stop=threading.Event())
    launcher = launcher_of(extractor)
    assert extractor._launcher is not None
    directory = Path(extractor._launcher._directory.name)

    extractor.close()

    assert has_exited(launcher)
    assert not directory.exists()
    assert list(tmp_path.iterdir()) == [path]


READS = """
import sys, threading
from pathlib import Path
from everlake.attachments.extraction import ExtractionLimits, Extractor

extractor = Extractor(ExtractionLimits())
for name in ("good.docx", "endless.pdf"):
    print(extractor._launcher and extractor._launcher._process.pid, flush=True)
    path = Path(sys.argv[1], name)
    extractor.extract(path, mime_type="", filename=name, stop=threading.Event())
"""


def test_a_caller_that_is_killed_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    (tmp_path / "good.docx").write_bytes(GOOD)
    (tmp_path / "endless.pdf").write_bytes(ENDLESS)
    (tmp_path / "temporary").mkdir()
    caller = subprocess.Popen(
        [sys.executable, "-c", READS, tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    assert caller.stdout is not None
    caller.stdout.readline()
    launcher = int(caller.stdout.readline())
    reader = first_child(launcher)

    caller.kill()
    caller.communicate()

    assert has_exited(launcher)
    assert has_exited(reader)
    assert list((tmp_path / "temporary").iterdir()) == []
