"""Contract, Authentication."""

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient

NO_KEY_FITS = {
    "missing": {},
    "empty": {"x-api-key": ""},
    "malformed": {"x-api-key": "hello"},
    "malformed bearer": {"authorization": "Bearer hello"},
    "basic": {"authorization": "Basic ZW1fc2tfeDp5"},
    "unknown": {"x-api-key": "em_sk_" + "A" * 43},
    "unknown bearer": {"authorization": "Bearer em_sk_" + "A" * 43},
    "not ascii": {"x-api-key": b"em_sk_\xff\xfe" + b"A" * 40},
    "very long": {"x-api-key": "em_sk_" + "A" * 4_000},
}


def stranger(home: ApiWorkspaces) -> httpx.Client:
    return httpx.Client(base_url=home.server.url, trust_env=False, timeout=60)


@pytest.mark.parametrize("headers", NO_KEY_FITS.values(), ids=NO_KEY_FITS.keys())
def test_a_request_without_a_live_key_is_unauthorized(
    home: ApiWorkspaces, headers: dict[str, str | bytes]
) -> None:
    with stranger(home) as client:
        raw = [(k.encode(), v if isinstance(v, bytes) else v.encode()) for k, v in headers.items()]
        response = client.get("/api/v1/ingest/batches", headers=raw)
    assert_error(response, 401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == "Bearer"


def test_missing_malformed_unknown_and_revoked_keys_get_the_same_answer(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    home.revoke(fresh)
    keys = ["", "hello", "em_sk_" + "A" * 43, fresh.setup["api_key"]]
    with stranger(home) as client:
        answers = {
            client.get("/api/v1/ingest/batches", headers={"x-api-key": key}).content for key in keys
        }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/api", {}),
        ("GET", "/api/", {}),
        ("GET", "/api/v1/nothing", {}),
        ("GET", "//api//v1/products", {}),
        ("GET", "/api/v1/products/", {}),
        ("GET", "/%61pi/v1/products", {}),
        ("GET", "/api%2Fv1/products", {}),
        ("GET", "/./api/v1/products", {}),
        ("GET", "/api/v2/ingest/batches", {}),
        ("GET", "/api/v1/ingest", {}),
        ("DELETE", "/api/v1/ingest/batches", {}),
        ("OPTIONS", "/api/v1/ingest", {}),
        ("HEAD", "/api/v1/ingest", {}),
        ("POST", "/api/v1/ingest", {"content-type": "text/plain"}),
        ("POST", "/api/v1/ingest", {"content-encoding": "br"}),
        ("POST", "/api/v1/ingest", {"content-type": "application/json"}),
        ("GET", "/api/v1/ingest/batches?limit=0&cursor=x", {}),
        ("GET", "/api/v1/ingest/batches/x", {}),
        ("GET", "/api/v1/records", {}),
        ("GET", "/api/v1/records/x", {}),
        ("GET", "/api/v1/search", {}),
        ("GET", "/api/v1/products", {}),
        ("GET", "/api/v1/projects", {}),
    ],
)
def test_the_key_is_judged_before_anything_else(
    home: ApiWorkspaces, method: str, path: str, headers: dict[str, str]
) -> None:
    with stranger(home) as client:
        response = client.request(method, home.server.url + path, headers=headers, content=b"{")
    assert response.status_code == 401
    if method != "HEAD":
        assert_error(response, 401, "UNAUTHORIZED")


def test_the_key_is_judged_before_the_size(home: ApiWorkspaces) -> None:
    with stranger(home) as client:
        response = client.post(
            "/api/v1/ingest",
            content=b" " * (6 * 1024 * 1024),
            headers={"content-type": "application/json"},
        )
    assert_error(response, 401, "UNAUTHORIZED")


def test_with_a_key_an_unknown_path_is_not_found(api: ApiClient) -> None:
    assert_error(api.http.get("/api/v1/nothing"), 404, "NOT_FOUND")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_is_accepted_in_place_of_x_api_key(
    home: ApiWorkspaces, api: ApiClient, scheme: str
) -> None:
    with stranger(home) as client:
        response = client.get(
            "/api/v1/ingest/batches",
            headers={"authorization": f"{scheme} {api.setup['api_key']}"},
        )
    assert response.status_code == 200


def test_where_both_headers_are_there_x_api_key_counts(
    home: ApiWorkspaces, api: ApiClient, fresh: ApiClient
) -> None:
    batch_id = fresh.accept(fresh.record())
    path = f"/api/v1/ingest/batches/{batch_id}"
    mine, other = fresh.setup["api_key"], api.setup["api_key"]
    with stranger(home) as client:
        for x_api_key, bearer, status in [
            (mine, other, 200),
            (other, mine, 404),
            (mine, "nonsense", 200),
            ("nonsense", mine, 401),
        ]:
            headers = {"x-api-key": x_api_key, "authorization": f"Bearer {bearer}"}
            assert client.get(path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("permissions", "submit", "batches", "records"),
    [
        (["api:write"], 202, 200, 403),
        (["api:read"], 403, 200, 200),
        (["api:read", "api:write"], 202, 200, 200),
        (["mcp:read", "mcp:write"], 403, 403, 403),
    ],
)
def test_a_key_may_do_what_its_permissions_say(
    home: ApiWorkspaces, permissions: list[str], submit: int, batches: int, records: int
) -> None:
    writer = home.workspace()
    batch_id = writer.accept(writer.record())
    key = home.key(writer, permissions)
    found = {
        path: key.http.get(path).status_code
        for path in (
            "/api/v1/ingest/batches",
            f"/api/v1/ingest/batches/{batch_id}",
            "/api/v1/records",
            "/api/v1/records/" + "0" * 32,
            "/api/v1/search?q=hello",
            "/api/v1/products",
            "/api/v1/projects",
        )
    }
    assert key.post(key.record()).status_code == submit
    assert found == {
        "/api/v1/ingest/batches": batches,
        f"/api/v1/ingest/batches/{batch_id}": batches,
        "/api/v1/records": records,
        "/api/v1/records/" + "0" * 32: 404 if records == 200 else 403,
        "/api/v1/search?q=hello": records,
        "/api/v1/products": records,
        "/api/v1/projects": records,
    }


def test_a_key_without_the_permission_is_told_which_one_it_lacks(home: ApiWorkspaces) -> None:
    reader = home.workspace(["api:read"])
    body = assert_error(reader.post(reader.record()), 403, "FORBIDDEN")
    assert "api:write" in body["message"]


def test_a_batch_has_the_source_of_its_key(home: ApiWorkspaces) -> None:
    slack = home.workspace(source="slack")
    default = home.key(slack)
    assert slack.batch(slack.accept(slack.record()))["source"] == "slack"
    assert default.batch(default.accept(default.record()))["source"] == "api"


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/llms.txt"]
)
def test_the_pages_about_the_server_want_no_key(home: ApiWorkspaces, path: str) -> None:
    with stranger(home) as client:
        assert client.get(path).status_code == 200
