"""Health, metrics, the API descriptions, and headers of all responses."""

import html
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Generator

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, unique
from tests.support.server import PRODUCT, PROJECT, ApiClient


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


def test_the_reference_needs_nothing_from_elsewhere(visitor: httpx.Client) -> None:
    page = visitor.get("/docs")
    sources = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page.text))
    assert sources
    for source in sources:
        assert source.startswith("/"), source
        assert visitor.get(source).status_code == 200, source


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/docs", "text/html; charset=utf-8"),
        ("/static/docs.css", "text/css; charset=utf-8"),
        ("/static/docs.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ],
)
def test_a_browser_is_told_to_run_and_load_nothing_else(
    visitor: httpx.Client, path: str, media_type: str
) -> None:
    headers = visitor.get(path).headers
    assert headers["content-type"] == media_type
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_reference_names_the_host_that_the_reader_used(visitor: httpx.Client) -> None:
    host = "lake.example:8400"
    page = visitor.get("/docs", headers={"Host": host})
    assert f"curl -sS http://{host}/api/v1/ingest/batches " in page.text
    assert f"http://{host}" not in visitor.get("/docs").text


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize(
    ("operation", "status"), [("listBatches", 200), ("ingest", 202), ("createUpload", 201)]
)
def test_a_command_of_the_reference_works_as_it_is_copied(
    api: ApiClient, operation: str, status: int
) -> None:
    page = api.http.get("/docs", params={"product": PRODUCT, "project": PROJECT}).text
    article = page[page.index(f'<article id="{operation}"') :]
    command = html.unescape(article.split('<pre class="command"')[1].split("<code>")[1])
    command = command.partition("</code>")[0]
    answer = subprocess.run(
        ["sh", "-c", command + " -w '\\n%{http_code}'"],
        env={"PATH": os.environ["PATH"], "EVERLAKE_API_KEY": api.setup["api_key"]},
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, code = answer.stdout.rpartition("\n")
    assert code == str(status), body
    assert json.loads(body)


@pytest.mark.parametrize("product", ["", "<script>", "a b", "x" * 129, "'"])
def test_what_is_no_id_is_not_put_into_the_examples(visitor: httpx.Client, product: str) -> None:
    page = visitor.get("/docs", params={"product": product, "project": "proj-9"}).text
    assert '"_product_id": "prod_atlas"' in html.unescape(page)
    assert '"proj-9"' in html.unescape(page)


def test_the_page_for_language_models_names_this_server(visitor: httpx.Client) -> None:
    page = visitor.get("/llms.txt")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert str(visitor.base_url).rstrip("/") in page.text


@pytest.mark.parametrize(
    "path",
    [
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
        api.http.get("/docs"),
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


def test_probes_that_succeed_are_not_logged(home: ApiWorkspaces, api: ApiClient) -> None:
    probes = [api.http.get(path) for path in ("/healthz", "/readyz", "/metrics")]
    failed, seen = api.http.put("/readyz"), api.http.get("/docs")

    names = [each.headers["x-request-id"] for each in (failed, seen)]
    assert len(logged_statuses(home, names)) == 2
    assert not any(each.headers["x-request-id"] in home.server.log() for each in probes)


def test_the_root_leads_to_the_reference(api: ApiClient) -> None:
    found = api.http.get("/", headers={"Host": "elsewhere.example"})
    assert found.headers["location"] == "docs"
    answer = api.http.get("/", follow_redirects=True)

    assert answer.status_code == 200
    assert answer.url.path == "/docs"


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
