"""Traces of the real program, as a collector gets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from tests.integration.processes import until
from tests.integration.server import FAST, Api, Server, everlake_json, free_port, running
from tests.integration.tracing.collector import Collector, Received, collecting

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
INGEST = "POST /api/v1/ingest"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Api]:
    data = tmp_path_factory.mktemp("data")
    keys = everlake_json("init", data=data)
    env = {
        **FAST,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with running("serve", data, env) as server:
        yield Api(server.url, keys)


def of_trace(collector: Collector, trace: str) -> dict[str, Received]:
    return {span.name: span for span in collector.spans() if span.trace == trace}


def test_one_trace_leads_from_the_request_to_the_analysis(api: Api, collector: Collector) -> None:
    batch = api.accept(api.record(), headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"})
    api.complete(batch)
    until(lambda: len(of_trace(collector, TRACE)) == 5, "the spans arrive")

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


def test_each_request_without_a_trace_begins_its_own(api: Api, collector: Collector) -> None:
    before = len(collector.spans("analyse"))
    ids = [api.accept(api.record(_vendor_ids={"id": str(number)})) for number in range(3)]
    api.complete(*ids)
    until(lambda: len(collector.spans("analyse")) == before + 3, "the spans arrive")

    traces = {span.attributes["everlake.batch_id"]: span.trace for span in collector.spans("land")}
    assert len({traces[batch] for batch in ids}) == 3


def test_a_refusal_is_told_by_its_status_and_is_no_fault(api: Api, collector: Collector) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-{CLIENT}-01"}
    api.post(b"secret {", headers=headers)
    api.http.get("/healthz", headers=headers)
    until(lambda: INGEST in of_trace(collector, trace), "the span arrives")

    spans = of_trace(collector, trace)

    assert spans[INGEST].attributes["http.response.status_code"] == 400
    assert not any(span.failed for span in spans.values())
    assert set(spans) == {INGEST, "judge"}
    assert "secret" not in str(collector.spans())
    assert "em_sk_" not in str(collector.spans())


def test_a_trace_that_the_client_does_not_sample_is_not_recorded(
    api: Api, collector: Collector
) -> None:
    trace = "2af7651916cd43dd8448eb211c80319c"
    batch = api.accept(api.record(), headers={"traceparent": f"00-{trace}-{CLIENT}-00"})
    last = api.accept(api.record())
    api.complete(batch, last)
    until(
        lambda: (
            last in [span.attributes["everlake.batch_id"] for span in collector.spans("analyse")]
        ),
        "the spans arrive",
    )

    assert of_trace(collector, trace) == {}


def stored(data: Path, api: Api, batch_id: str) -> str | None:
    catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")
    with catalog.read() as tx:
        row = batches.get(tx, api.setup["workspace_id"], batch_id)
    catalog.close()
    assert row is not None
    return row.traceparent


@pytest.mark.parametrize(
    "env", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "set", "OTEL_SDK_DISABLED": "true"}], ids=str
)
def test_nothing_is_traced_unless_it_is_asked_for(tmp_path: Path, env: dict[str, str]) -> None:
    keys = everlake_json("init", data=tmp_path)
    with running("api", tmp_path, {**FAST, **env}) as server:
        api = Api(server.url, keys)
        batch = api.accept(api.record(), headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"})
        assert "tracing" not in server.log()
    assert stored(tmp_path, api, batch) is None


def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    keys = everlake_json("init", data=tmp_path)
    env = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    server = Server("serve", tmp_path, env)
    server.start()
    try:
        api = Api(server.url, keys)
        batch = api.accept(api.record())
        api.complete(batch)
        assert (stored(tmp_path, api, batch) or "").startswith("00-")
    finally:
        assert server.stop() == 0
    assert "forced to end" not in server.log()
    assert "ended with requests in hand" not in server.log()
