"""A fetcher, a hostile server, and certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.fetcher_fixture import FetcherFixture
from tests.support.hostile_behaviours import HostileServer, hostile_server


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FetcherFixture]:
    fixture = FetcherFixture(tmp_path / "spool")
    yield fixture
    fixture.fetcher.close()


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)
