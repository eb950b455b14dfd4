"""The pages about the server itself, and what every answer carries."""

import json
import re
import time
from collections.abc import Generator

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, unique
from tests.support.server import ApiClient


@pytest.fixture
def visitor(home: ApiWorkspaces) -> Generator[httpx.Client]:
    with httpx.Client(base_url=home.server.url, trust_env=False) as client:
        yield client


def test_a_healthy_server_says_so(visitor: httpx.Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}


def test_the_description_is_openapi_and_names_every_endpoint(visitor: httpx.Client) -> None:
    document = visitor.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert set(document["paths"]) == {
        "/api/v1/ingest",
        "/api/v1/ingest/batches",
        "/api/v1/ingest/batches/{batchId}",
        "/api/v1/ingest/batches/{batchId}/attachments",
        "/api/v1/ingest/batches/{batchId}/attachments/retry",
        "/api/v1/ingest/batches/{batchId}/errors",
        "/api/v1/ingest/batches/{batchId}/events",
        "/api/v1/ingest/batches/{batchId}/retry",
        "/api/v1/uploads",
        "/api/v1/uploads/{uploadId}",
        "/api/v1/uploads/{uploadId}/parts/{partNumber}",
        "/api/v1/attachments/{attachmentId}",
        "/api/v1/attachments/{attachmentId}/content",
        "/api/v1/records",
        "/api/v1/records/{recordId}",
        "/api/v1/search",
        "/api/v1/products",
        "/api/v1/projects",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert document["components"]["schemas"]["RecordArray"]["maxItems"] == 1_000


def test_the_documentation_needs_nothing_from_elsewhere(visitor: httpx.Client) -> None:
    page = visitor.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    for source in sources:
        assert source.startswith("/"), source
        assert visitor.get(source).status_code == 200, source


def test_the_page_for_language_models_names_this_server(visitor: httpx.Client) -> None:
    page = visitor.get("/llms.txt")
    assert page.headers["content-type"].startswith("text/plain")
    assert str(visitor.base_url).rstrip("/") in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/static/nothing.js",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/docs/nothing",
        "/" + "x" * 20_000,
    ],
    ids=lambda path: path[:30],
)
def test_a_path_that_is_not_there_is_not_found(home: ApiWorkspaces, path: str) -> None:
    assert_error(httpx.get(home.server.url + path, trust_env=False), 404, "NOT_FOUND")


def test_every_answer_names_its_request_and_the_log_has_it(
    home: ApiWorkspaces, api: ApiClient
) -> None:
    answers = [
        api.http.get("/healthz"),
        api.http.get("/api/v1/nothing"),
        api.http.put("/healthz"),
        httpx.get(home.server.url + "/api/v1/records", trust_env=False),
        api.post(api.record()),
        api.post(b"{"),
    ]
    names = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(names)) == len(names)
    assert logged_statuses(home, names) == {
        answer.headers["x-request-id"]: answer.status_code for answer in answers
    }


def logged_statuses(home: ApiWorkspaces, names: list[str]) -> dict[str, int]:
    """The statuses that the log has for these requests; a line is written after its answer."""
    deadline = time.monotonic() + 10
    while True:
        whole = [line for line in home.server.log().split("\n")[:-1] if line.startswith("{")]
        lines = [line for line in map(json.loads, whole) if line["event"] == "request"]
        found = {line["request_id"]: line["status"] for line in lines}
        if all(name in found for name in names) or time.monotonic() > deadline:
            return {name: found[name] for name in names if name in found}
        time.sleep(0.02)


def test_a_request_may_bring_its_own_name(api: ApiClient) -> None:
    name = f"My-request_1.{unique()}"
    answer = api.http.get("/healthz", headers={"x-request-id": name})
    assert answer.headers["x-request-id"] == name


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "a/b", "<script>", "a;b"])
def test_a_malformed_name_is_not_taken_over(api: ApiClient, name: str) -> None:
    answer = api.http.get("/healthz", headers={"x-request-id": name})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
