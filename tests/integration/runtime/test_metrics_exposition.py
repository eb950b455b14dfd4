"""``/metrics`` of the real program."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from everlake.runtime.locks import exclusive_lock
from everlake.runtime.metrics_exposition import CACHE_SECONDS
from everlake.settings import settings_from
from tests.support.processes import child_processes, kill, wait_until
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    free_port,
    run_everlake_json,
    running_server,
)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(url: str) -> Samples:
    """The page over a connection of its own, so that any process may answer."""
    answer = httpx.get(url + "/metrics", trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def settled(url: str) -> Samples:
    """The page, made after now."""
    time.sleep(CACHE_SECONDS * 1.1)
    return scrape(url)


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get(("everlake_" + name, frozenset(labels.items())), 0.0)


def processes(samples: Samples) -> set[str]:
    return {
        dict(labels)["process"]
        for name, labels in samples
        if name == "everlake_process_resident_memory_bytes"
    }


@pytest.fixture(scope="module")
def worker_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def running_api(
    tmp_path_factory: pytest.TempPathFactory, worker_port: int
) -> Iterator[tuple[EverlakeServer, ApiClient]]:
    data = tmp_path_factory.mktemp("data")
    keys = run_everlake_json("init", data=data)
    env = {
        **NO_RATE_LIMIT,
        "EVERLAKE_API_PROCESSES": "2",
        "EVERLAKE_WORKER_METRICS_PORT": str(worker_port),
    }
    with running_server("serve", data, env) as server:
        wait_until(lambda: len(processes(scrape(server.url))) == 3, "all count")
        yield server, ApiClient(server.url, keys)


def test_what_comes_in_is_counted_on_all_its_way(
    running_api: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = running_api
    before = settled(server.url)
    attachment = {"type": "file", "vendor_url": "https://files.example/a"}
    whole = [api.record(_vendor_ids={"id": "a"}, _attachments=[attachment, attachment])]
    partly = [
        api.record(_vendor_ids={"id": "b"}),
        api.record(_type="message", _schema_version="2"),
        api.record(_project_ids=["nowhere"]),
        api.record(_schema_version="2", _nature="x", _project_ids=["nowhere"]),
    ]

    first = api.accept(whole)
    second = api.accept(partly)
    assert api.post([api.record(_event_at="never")]).status_code == 400
    api.wait_until_complete(first, second)

    def counted(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    # A worker counts a batch right after its row says that it is complete.
    after = settled(server.url)
    assert counted("records_accepted_total") == 2
    assert counted("records_refused_total") == 4
    assert counted("records_refused_by_code_total", code="VALIDATION_ERROR") == 3
    assert counted("records_refused_by_code_total", code="UNKNOWN_PROJECT") == 2
    assert counted("attachments_total") == 2
    assert counted("ingest_bytes_total") > 600
    assert counted("batches_reached_total", status="LANDING") == 2
    assert counted("batches_reached_total", status="FAILED") == 1
    assert counted("batches_reached_total", status="LANDED") == 2
    assert counted("batches_reached_total", status="COMPLETE") == 2
    assert counted("batch_lag_seconds_count", status="LANDED") == 2
    assert counted("http_requests_total", route="/api/v1/ingest", status="202") == 2
    assert counted("http_requests_total", route="/api/v1/ingest", status="400") == 1
    assert counted("http_request_duration_seconds_count", route="/api/v1/ingest") == 3
    assert value(after, "batches", status="LANDING") == 0
    assert value(after, "catalog_up") == 1


def test_a_batch_that_came_before_is_not_counted_again(
    running_api: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = running_api
    body = api.record(_vendor_ids={"id": "again"})
    headers = {"idempotency-key": "metrics"}
    api.accept(body, headers=headers)
    before = value(settled(server.url), "records_accepted_total")

    api.accept(body, headers=headers)
    assert api.post(body, params={"dry_run": "true"}).status_code == 200
    api.accept(api.record(_vendor_ids={"id": "one more"}))

    assert value(settled(server.url), "records_accepted_total") == before + 1


def test_the_page_names_no_key_no_workspace_and_nothing_a_client_chose(
    running_api: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = running_api
    batch = api.accept(api.record(_vendor_ids={"id": "secret-vendor-id"}))
    api.batch(batch)
    api.http.get("/api/v1/records/chosen-by-a-client")
    api.http.get("/chosen-by-a-client", params={"chosen-by-a-client": "1"})
    api.http.request("CHOSEN", "/healthz")
    route = {"route": "/api/v1/ingest/batches/{batch_id}", "status": "200"}
    assert value(settled(server.url), "http_requests_total", **route) > 0
    page = httpx.get(server.url + "/metrics", trust_env=False).text

    for text in (batch, "em_sk_", "chosen", "CHOSEN", "secret-vendor-id"):
        assert text not in page
    for name in ("workspace_id", "key_id", "product_id", "project_id"):
        assert api.setup[name] not in page


def test_the_worker_tells_the_same_at_its_own_port(
    running_api: tuple[EverlakeServer, ApiClient], worker_port: int
) -> None:
    server, _ = running_api
    own = scrape(f"http://127.0.0.1:{worker_port}")

    assert processes(own) == processes(scrape(server.url)) == {"api-0", "api-1", "worker-0"}
    assert set(own) >= {key for key in scrape(server.url) if key[0].startswith("everlake_batch")}
    assert httpx.get(f"http://127.0.0.1:{worker_port}/", trust_env=False).status_code == 404


def test_no_count_falls_when_a_process_is_killed(
    running_api: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = running_api
    for number in range(10):
        api.accept(api.record(_vendor_ids={"id": f"before {number}"}))
    before = settled(server.url)
    started = {key: each for key, each in before.items() if "start_time" in key[0]}

    for role in ("api", "worker"):
        kill(child_processes(server)[role][0])

    def all_new() -> bool:
        now = scrape(server.url)
        changed = [key for key, each in started.items() if now.get(key, each) != each]
        return len(changed) == 2 and len(processes(now)) == 3

    wait_until(all_new, "they are started again")
    after = settled(server.url)
    counts = [key for key in before if key[0].endswith("_total") and "process" not in key[0]]
    assert counts
    assert [key for key in counts if after[key] < before[key]] == []


def test_a_worker_alone_is_scraped_at_its_port_and_ends_in_time(tmp_path: Path) -> None:
    run_everlake_json("init", data=tmp_path)
    port = free_port()
    env = {"EVERLAKE_WORKER_METRICS_PORT": str(port)}

    def answers() -> bool:
        try:
            return bool(scrape(f"http://127.0.0.1:{port}"))
        except httpx.TransportError:
            return False

    with running_server("worker", tmp_path, env) as worker:
        wait_until(answers, "it answers")
        samples = scrape(f"http://127.0.0.1:{port}")
        assert processes(samples) == {"worker-0"}
        assert value(samples, "lease_steals_total", kind="batch") == 0
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(20) == 0


def test_the_page_tells_whether_the_lake_is_being_rebuilt(
    running_api: tuple[EverlakeServer, ApiClient],
) -> None:
    server, _ = running_api
    lock = settings_from({"data": str(server.data)}).rebuild_lock
    assert value(settled(server.url), "lake_rebuild_running") == 0

    with exclusive_lock(lock, lambda process: process):
        assert value(settled(server.url), "lake_rebuild_running") == 1

    assert value(settled(server.url), "lake_rebuild_running") == 0
