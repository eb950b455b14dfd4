"""An answer that is known before the body has been read reaches clients that write it all first."""

import http.client
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping

import httpx
import pytest
import requests

from tests.support.api_workspaces import running_api
from tests.support.raw_http import connect, json_request_head, read_response, status_of
from tests.support.server import ApiClient

MB = 1_000_000
_TIMEOUT = 60

Headers = Mapping[str, str]
Answer = tuple[int, bytes]


def with_http_client(url: str, headers: Headers, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_TIMEOUT)
    try:
        connection.request("POST", "/api/v1/ingest", body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def with_urllib(url: str, headers: Headers, body: bytes) -> Answer:
    target = url + "/api/v1/ingest"
    request = urllib.request.Request(target, body, dict(headers), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def with_requests(url: str, headers: Headers, body: bytes) -> Answer:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            url + "/api/v1/ingest", data=body, headers=dict(headers), timeout=_TIMEOUT
        )
    return answer.status_code, answer.content


def with_httpx(url: str, headers: Headers, body: bytes) -> Answer:
    with httpx.Client(trust_env=False, timeout=_TIMEOUT) as client:
        answer = client.post(url + "/api/v1/ingest", content=body, headers=dict(headers))
    return answer.status_code, answer.content


def with_curl(url: str, headers: Headers, body: bytes, *more: str) -> Answer:
    arguments = [f"-H{name}: {value}" for name, value in headers.items()]
    options = ["-sS", "--noproxy", "*", "--data-binary", "@-", "-w", "\n%{http_code}"]
    printed = _run("curl", [*options, *arguments, *more, url + "/api/v1/ingest"], body)
    text, _, status = printed.rpartition(b"\n")
    return int(status), text


def with_curl_at_once(url: str, headers: Headers, body: bytes) -> Answer:
    """Without ``Expect: 100-continue``."""
    return with_curl(url, headers, body, "-HExpect:")


NODE_HTTP = """
const [url, headers] = [process.argv[1], JSON.parse(process.argv[2])]
const body = require('fs').readFileSync(0)
const request = require('http').request(
  url + '/api/v1/ingest',
  {method: 'POST', headers: {...headers, 'content-length': body.length}},
  async (answer) => {
    let text = ''
    for await (const part of answer) text += part
    console.log(text + '\\n' + answer.statusCode)
  })
request.end(body)
"""
NODE_FETCH = """
const [url, headers] = [process.argv[1], JSON.parse(process.argv[2])]
const body = require('fs').readFileSync(0)
fetch(url + '/api/v1/ingest', {method: 'POST', headers, body})
  .then(async (answer) => console.log(await answer.text() + '\\n' + answer.status))
"""


def with_node_http(url: str, headers: Headers, body: bytes) -> Answer:
    return _with_node(NODE_HTTP, url, headers, body)


def with_node_fetch(url: str, headers: Headers, body: bytes) -> Answer:
    return _with_node(NODE_FETCH, url, headers, body)


def _with_node(script: str, url: str, headers: Headers, body: bytes) -> Answer:
    printed = _run("node", ["-e", script, url, json.dumps(dict(headers))], body)
    text, _, status = printed.rstrip(b"\n").rpartition(b"\n")
    return int(status), text


def _run(program: str, arguments: list[str], body: bytes) -> bytes:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    ran = subprocess.run(
        [found, *arguments], input=body, capture_output=True, timeout=_TIMEOUT, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout


CLIENTS: dict[str, Callable[[str, Headers, bytes], Answer]] = {
    "http.client": with_http_client,
    "urllib": with_urllib,
    "requests": with_requests,
    "httpx": with_httpx,
    "curl": with_curl,
    "curl without Expect": with_curl_at_once,
    "node http": with_node_http,
    "node fetch": with_node_fetch,
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiClient]:
    """A server whose keys may send one request in a long time, which this one has sent."""
    settings = {"EVERLAKE_RATE_LIMIT": "0.001", "EVERLAKE_RATE_BURST": "1"}
    with running_api("api", tmp_path_factory.mktemp("limited"), settings) as home:
        api = home.workspace()
        assert api.http.get("/api/v1/ingest/batches").status_code == 200
        yield api


def headers_of(api: ApiClient) -> dict[str, str]:
    return {"x-api-key": api.setup["api_key"], "content-type": "application/json"}


@pytest.mark.parametrize("size", [MB // 10, 4 * MB, 9 * MB, 60 * MB])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_without_a_valid_key_sees_the_401(api: ApiClient, client: str, size: int) -> None:
    headers = {"x-api-key": "em_sk_wrong", "content-type": "application/json"}
    status, body = CLIENTS[client](api.url, headers, b" " * size)
    assert (status, json.loads(body)["error"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("size", [6 * MB, 60 * MB])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_with_too_large_a_body_sees_the_413(
    api: ApiClient, client: str, size: int
) -> None:
    status, body = CLIENTS[client](api.url, headers_of(api), b" " * size)
    assert (status, json.loads(body)["error"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("size", [MB // 10, 5 * MB])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_beyond_its_rate_sees_the_429(limited: ApiClient, client: str, size: int) -> None:
    status, body = CLIENTS[client](limited.url, headers_of(limited), b" " * size)
    assert (status, json.loads(body)["error"]) == (429, "RATE_LIMITED")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_with_another_media_type_sees_the_415(api: ApiClient, client: str) -> None:
    headers = {**headers_of(api), "content-type": "text/csv"}
    status, body = CLIENTS[client](api.url, headers, b" " * 3 * MB)
    assert (status, json.loads(body)["error"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_client_that_waits_for_100_continue_gets_the_final_answer_alone(api: ApiClient) -> None:
    head = json_request_head(api, f"Content-Length: {60 * MB}", "Expect: 100-continue")
    with connect(api) as wire:
        wire.sendall(head)
        assert status_of(read_response(wire)) == 413
        # No body is waited for: the server ends the connection.
        assert wire.recv(1) == b""


def test_a_body_without_an_end_is_cut_off(api: ApiClient) -> None:
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    head = b"POST /api/v1/ingest HTTP/1.1\r\nHost: everlake\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(api) as wire:
        wire.sendall(head)
        with pytest.raises(ConnectionError):
            wire.sendall(chunk * 500)
