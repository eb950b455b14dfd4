"""The client, and responses of servers that are not Everlake."""

import time

import pytest

from everlake.client import ApiError, Client, Unreachable
from everlake.contract.errors import ErrorCode
from tests.support.scripted_server import RECEIPT, ScriptedResponse, ScriptedServer


def test_a_server_that_is_away_is_a_clear_error() -> None:
    with (
        Client("http://127.0.0.1:9", "em_sk_x", attempts=2) as client,
        pytest.raises(Unreachable, match=r"does not answer .* is the server running"),
    ):
        client.ingest(b"{}", idempotency_key="x")


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>", {}), (202, b"{}", {}), (404, b"<html>", {}), (301, b"", {"location": "/x"})],
)
def test_a_server_that_is_not_everlake_is_a_clear_error(
    scripted_server: ScriptedServer, answer: ScriptedResponse
) -> None:
    scripted_server.responses = [answer]

    with (
        Client(scripted_server.url, "em_sk_x") as client,
        pytest.raises(Unreachable, match="not as Everlake does: is the URL right"),
    ):
        client.ingest(b"{}", idempotency_key="x")

    assert scripted_server.request_count == 1


def test_a_proxy_that_says_later_in_its_own_words_is_asked_again(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.responses = [(502, b"<html>", {}), (504, b"", {}), (202, RECEIPT, {})]

    with Client(scripted_server.url, "em_sk_x") as client:
        assert client.ingest(b"{}", idempotency_key="x").batchId == "b"

    assert scripted_server.request_count == 3


def test_a_client_waits_as_long_as_it_is_told(
    scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = b'{"error":"RATE_LIMITED","message":"wait","retryAfter":0.5}'
    away = b'{"error":"UNAVAILABLE","message":"full"}'
    scripted_server.responses = [
        (429, limited, {"retry-after": "1"}),
        (503, away, {"retry-after": "5"}),
        (202, RECEIPT, {}),
    ]
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)

    with Client(scripted_server.url, "em_sk_x") as client:
        client.ingest(b"{}", idempotency_key="x")

    assert 0.5 <= waited[0] < 1
    assert 5 <= waited[1] < 7


def test_a_client_gives_up_in_the_end_and_says_why(
    scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_server.responses = [(503, b'{"error":"UNAVAILABLE","message":"the disk is full"}', {})]
    monkeypatch.setattr(time, "sleep", lambda _: None)

    with (
        Client(scripted_server.url, "em_sk_x", attempts=3) as client,
        pytest.raises(ApiError, match="UNAVAILABLE: the disk is full"),
    ):
        client.ingest(b"{}", idempotency_key="x")

    assert scripted_server.request_count == 3


def test_a_rate_limit_is_obeyed_however_often_and_is_no_failure(
    scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = b'{"error":"RATE_LIMITED","message":"wait","retryAfter":0.1}'
    scripted_server.responses = [(429, limited, {})] * 20 + [(202, RECEIPT, {})]
    monkeypatch.setattr(time, "sleep", lambda _: None)

    with Client(scripted_server.url, "em_sk_x", attempts=2) as client:
        assert client.ingest(b"{}", idempotency_key="x").batchId == "b"

    assert scripted_server.request_count == 21


def test_a_proxy_that_takes_no_large_body_is_understood(scripted_server: ScriptedServer) -> None:
    scripted_server.responses = [(413, b"<html>", {})]

    with Client(scripted_server.url, "em_sk_x") as client, pytest.raises(ApiError) as caught:
        client.ingest(b"{}", idempotency_key="x")

    assert caught.value.body.error is ErrorCode.PAYLOAD_TOO_LARGE
