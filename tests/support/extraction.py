"""Helpers for tests of text extraction and of its processes."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.attachments.extraction import AttachmentText, Extractor, TextCode, TextError
from tests.support.processes import wait_until

Extract = Callable[..., AttachmentText]


def extract_with(extractor: Extractor, directory: Path) -> Extract:
    """Return a function that reads bytes as a file of some name, or of some type."""

    def extract(content: bytes, filename: str | None = None, mime_type: str = "") -> AttachmentText:
        path = directory / "content"
        path.write_bytes(content)
        return extractor.extract(
            path, mime_type=mime_type, filename=filename, stop=threading.Event()
        )

    return extract


def sections_of(text: AttachmentText) -> list[tuple[str | None, str]]:
    """Each section's place and text."""
    return [(one.place, one.text) for one in text.sections]


def error_code_of(extract: Callable[[], AttachmentText]) -> TextCode:
    """Why there is no text; what is said of it has no path in it."""
    with pytest.raises(TextError) as caught:
        extract()
    assert caught.value.message
    assert "/" not in caught.value.message
    return caught.value.code


def text_or_code(extract: Callable[[], AttachmentText]) -> AttachmentText | TextCode:
    """The text, or why there is none."""
    try:
        return extract()
    except TextError as error:
        return error.code


def children(process: int) -> list[int]:
    return [
        int(number)
        for thread in Path(f"/proc/{process}/task").iterdir()
        for number in (thread / "children").read_text().split()
    ]


def launcher_of(extractor: Extractor) -> int:
    assert extractor._launcher is not None
    return extractor._launcher._process.pid


def reader_of(extractor: Extractor) -> int:
    """The reader that is at work, or will be."""
    return first_child(launcher_of(extractor))


def first_child(process: int) -> int:
    """The first child of a process, once it has one."""
    wait_until(lambda: bool(children(process)), "it has a child")
    return children(process)[0]


def has_exited(process: int) -> bool:
    """Whether the process ends within a while."""
    for _ in range(1_000):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.005)
    return False
