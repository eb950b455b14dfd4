"""Traces of the running program, as a collector receives them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog import batches
from everlake.catalog.opening import open_catalog
from tests.support.processes import wait_until
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    free_port,
    run_everlake_json,
    running_server,
)
from tests.support.trace_collector import ReceivedSpan, TraceCollector, trace_collector

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
INGEST = "POST /api/v1/ingest"


@pytest.fixture(scope="module")
def collector() -> Iterator[TraceCollector]:
    with trace_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, collector: TraceCollector) -> Iterator[ApiClient]:
    data = tmp_path_factory.mktemp("data")
    keys = run_everlake_json("init", data=data)
    env = {
        **NO_RATE_LIMIT,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with running_server("serve", data, env) as server:
        yield ApiClient(server.url, keys)


def of_trace(collector: TraceCollector, trace: str) -> dict[str, ReceivedSpan]:
    return {span.name: span for span in collector.spans() if span.trace == trace}


def test_one_trace_covers_the_request_and_the_analysis(
    api: ApiClient, collector: TraceCollector
) -> None:
    batch = api.accept(api.record(), headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"})
    api.wait_until_complete(batch)
    wait_until(lambda: len(of_trace(collector, TRACE)) == 5, "the spans arrive")

    spans = of_trace(collector, TRACE)

    assert set(spans) == {INGEST, "judge", "admit", "land", "analyse"}
    request = spans.pop(INGEST)
    assert request.parent == CLIENT
    assert request.role == "api"
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/ingest",
        "http.response.status_code": 202,
    }
    assert {span.parent for span in spans.values()} == {request.id}
    assert {name: span.role for name, span in spans.items()} == {
        "judge": "api",
        "admit": "api",
        "land": "worker",
        "analyse": "worker",
    }
    for name in ("land", "analyse"):
        assert spans[name].attributes == {"everlake.batch_id": batch}
    assert not any(span.failed for span in [request, *spans.values()])
    assert all(span.nanoseconds > 0 for span in spans.values())


def test_a_request_without_a_trace_starts_its_own(
    api: ApiClient, collector: TraceCollector
) -> None:
    before = len(collector.spans("analyse"))
    ids = [api.accept(api.record(_vendor_ids={"id": str(number)})) for number in range(3)]
    api.wait_until_complete(*ids)
    wait_until(lambda: len(collector.spans("analyse")) == before + 3, "the spans arrive")

    traces = {span.attributes["everlake.batch_id"]: span.trace for span in collector.spans("land")}
    assert len({traces[batch] for batch in ids}) == 3


def test_a_rejected_request_has_its_status_and_is_not_a_failure(
    api: ApiClient, collector: TraceCollector
) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-{CLIENT}-01"}
    api.post(b"secret {", headers=headers)
    api.http.get("/healthz", headers=headers)
    wait_until(lambda: INGEST in of_trace(collector, trace), "the span arrives")

    spans = of_trace(collector, trace)

    assert spans[INGEST].attributes["http.response.status_code"] == 400
    assert not any(span.failed for span in spans.values())
    assert set(spans) == {INGEST, "judge"}
    assert "secret" not in str(collector.spans())
    assert "em_sk_" not in str(collector.spans())


def test_an_unsampled_trace_is_not_recorded(api: ApiClient, collector: TraceCollector) -> None:
    trace = "2af7651916cd43dd8448eb211c80319c"
    batch = api.accept(api.record(), headers={"traceparent": f"00-{trace}-{CLIENT}-00"})
    last = api.accept(api.record())
    api.wait_until_complete(batch, last)
    wait_until(
        lambda: (
            last in [span.attributes["everlake.batch_id"] for span in collector.spans("analyse")]
        ),
        "the spans arrive",
    )

    assert of_trace(collector, trace) == {}


def stored(data: Path, api: ApiClient, batch_id: str) -> str | None:
    catalog = open_catalog(f"sqlite:///{data / 'everlake.db'}")
    with catalog.snapshot() as tx:
        row = batches.get(tx, api.setup["workspace_id"], batch_id)
    catalog.close()
    assert row is not None
    return row.traceparent


@pytest.mark.parametrize(
    "env", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "set", "OTEL_SDK_DISABLED": "true"}], ids=str
)
def test_tracing_is_off_by_default(tmp_path: Path, env: dict[str, str]) -> None:
    keys = run_everlake_json("init", data=tmp_path)
    with running_server("api", tmp_path, {**NO_RATE_LIMIT, **env}) as server:
        api = ApiClient(server.url, keys)
        batch = api.accept(api.record(), headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"})
        assert "tracing" not in server.log()
    assert stored(tmp_path, api, batch) is None


def test_an_unavailable_collector_does_not_block(tmp_path: Path) -> None:
    keys = run_everlake_json("init", data=tmp_path)
    env = {**NO_RATE_LIMIT, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    server = EverlakeServer("serve", tmp_path, env)
    server.start()
    try:
        api = ApiClient(server.url, keys)
        batch = api.accept(api.record())
        api.wait_until_complete(batch)
        assert (stored(tmp_path, api, batch) or "").startswith("00-")
    finally:
        assert server.stop() == 0
    assert "process killed after the stop timeout" not in server.log()
    assert "ended before all requests were finished" not in server.log()
