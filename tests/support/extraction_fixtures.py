"""Fixtures: one extractor for all tests of a file, as a worker has one for all its files."""

from collections.abc import Generator
from pathlib import Path

import pytest

from everlake.attachments.extraction import ExtractionLimits, Extractor
from tests.support.extraction import Extract, extract_with

LIMITS = ExtractionLimits(
    seconds=15, memory_bytes=200 * 1024 * 1024, max_characters=200_000, max_file_bytes=2**26
)


@pytest.fixture(scope="module")
def limits() -> ExtractionLimits:
    """Less than the usual ones, so that the tests reach them."""
    return LIMITS


@pytest.fixture(scope="module")
def extractor(limits: ExtractionLimits) -> Generator[Extractor]:
    extractor = Extractor(limits)
    yield extractor
    extractor.close()


@pytest.fixture
def extract(extractor: Extractor, tmp_path: Path) -> Extract:
    """Read bytes as a file of this name, or of this type."""
    return extract_with(extractor, tmp_path)
