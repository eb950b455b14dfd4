from pathlib import Path

import pytest

from everlake.lake import Lake
from everlake.lake.local import LocalSite


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalSite(tmp_path))
