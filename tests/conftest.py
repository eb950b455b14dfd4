"""A skipped test is a failed one in CI: there, everything that tests need is installed."""

import gc
import os
from collections.abc import Generator

import pytest
from prometheus_client import values

from tests.support.postgres import PostgresServer, running_postgres
from tests.support.s3 import S3Server, running_s3, s3_environment
from tests.support.s3_proxy import S3Proxy, s3_proxy


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where ``CI=true``."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {item.nodeid}: {report.longrepr}"
    return report


def pytest_collection_finish() -> None:
    """Exempt what exists now from garbage collection: thousands of tests slow each one down."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Collect it again, so that extension modules find nothing leaked at the end."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _counts_of_its_own() -> Generator[None]:
    """Let a test that takes a seat for its metrics, as a process does, leave it at its end."""
    before = values.ValueClass
    yield
    values.ValueClass = before
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[PostgresServer]:
    """A PostgreSQL server that the tests share and none stops; each has a database of its own."""
    with running_postgres(tmp_path_factory.mktemp("postgresql"), {"fsync": "off"}) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[S3Server]:
    """An S3 server that the tests share; each takes a bucket of its own."""
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def faulty_s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Generator[S3Proxy]:
    """A proxy before the S3 server that injects faults; the stores of the test go through it."""
    with s3_proxy(s3_server.port) as proxy:
        for name, value in s3_environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy
