"""One extractor for all tests of a file, as a worker has one for all its files."""

import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from everlake.attachments.text import AttachmentText, ExtractionLimits, Extractor

Extract = Callable[..., AttachmentText]

LIMITS = ExtractionLimits(seconds=20)


@pytest.fixture(scope="module")
def extractor() -> Generator[Extractor]:
    extractor = Extractor(LIMITS)
    yield extractor
    extractor.close()


@pytest.fixture
def extract(extractor: Extractor, tmp_path: Path) -> Extract:
    """Read bytes as a file of this name, or of this type."""

    def extract(content: bytes, filename: str | None = None, mime_type: str = "") -> AttachmentText:
        path = tmp_path / "content"
        path.write_bytes(content)
        return extractor.extract(
            path, mime_type=mime_type, filename=filename, stop=threading.Event()
        )

    return extract


def words(text: AttachmentText) -> list[tuple[str | None, str]]:
    """Each section's place and text."""
    return [(one.place, one.text) for one in text.sections]
