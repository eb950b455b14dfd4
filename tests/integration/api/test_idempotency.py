"""Contract, Header: Idempotency-Key."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api, unique
from tests.support.server import NO_RATE_LIMIT, ApiClient


def send(api: ApiClient, key: str, body: bytes, **params: str) -> httpx.Response:
    return api.post(body, headers={"idempotency-key": key}, params=params)


def body_of(api: ApiClient, text: str = "hello") -> bytes:
    return json.dumps(api.record(data={"text": text})).encode()


def batch_count(api: ApiClient) -> int:
    return len(api.http.get("/api/v1/ingest/batches?limit=100").json()["batches"])


def test_the_same_key_and_body_gets_the_first_answer_byte_for_byte(fresh: ApiClient) -> None:
    first = send(fresh, "a", body_of(fresh))
    again = [send(fresh, "a", body_of(fresh)) for _ in range(3)]
    assert first.status_code == 202
    assert "idempotent-replayed" not in first.headers
    for answer in again:
        assert answer.status_code == 202
        assert answer.headers["idempotent-replayed"] == "true"
        assert answer.content == first.content
    assert batch_count(fresh) == 1


def test_an_answer_with_errors_is_replayed_whole(fresh: ApiClient) -> None:
    body = json.dumps([fresh.record(), {}]).encode()
    first, again = (send(fresh, "a", body) for _ in range(2))
    assert again.content == first.content
    assert len(first.json()["errors"]) == 7


def test_the_same_key_with_another_body_is_refused(fresh: ApiClient) -> None:
    send(fresh, "a", body_of(fresh))
    assert_error(send(fresh, "a", body_of(fresh) + b" "), 400, "IDEMPOTENCY_KEY_REUSED")
    assert_error(send(fresh, "a", body_of(fresh, "other")), 400, "IDEMPOTENCY_KEY_REUSED")
    assert send(fresh, "a", body_of(fresh)).headers["idempotent-replayed"] == "true"
    assert batch_count(fresh) == 1


def test_the_same_body_under_two_keys_is_two_batches(fresh: ApiClient) -> None:
    first, second = send(fresh, "a", body_of(fresh)), send(fresh, "b", body_of(fresh))
    assert first.json()["batchId"] != second.json()["batchId"]


def test_keys_differ_in_upper_and_lower_case(fresh: ApiClient) -> None:
    send(fresh, "a", body_of(fresh))
    assert "idempotent-replayed" not in send(fresh, "A", body_of(fresh, "other")).headers


def test_a_key_counts_within_its_workspace_whichever_api_key_is_used(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    stranger, colleague = home.workspace(), home.key(fresh)
    first = send(fresh, "a", body_of(fresh))
    assert send(stranger, "a", body_of(stranger)).status_code == 202
    again = send(colleague, "a", body_of(fresh))
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


def test_only_a_202_is_remembered(fresh: ApiClient) -> None:
    for bad in (b"{", b"[]", b"{}", json.dumps(fresh.record(_product_id="x")).encode()):
        assert send(fresh, "a", bad).status_code == 400
    first = send(fresh, "a", body_of(fresh))
    assert first.status_code == 202
    assert "idempotent-replayed" not in first.headers
    assert send(fresh, "a", body_of(fresh)).content == first.content


def test_a_refused_body_is_judged_anew_each_time(fresh: ApiClient) -> None:
    first, again = send(fresh, "a", b"{}"), send(fresh, "a", b"{}")
    assert_error(first, 400, "ALL_RECORDS_REJECTED")
    assert_error(again, 400, "ALL_RECORDS_REJECTED")
    assert "idempotent-replayed" not in again.headers


def test_a_dry_run_neither_looks_at_the_key_nor_remembers_it(fresh: ApiClient) -> None:
    dry = send(fresh, "a", body_of(fresh), dry_run="true")
    assert dry.status_code == 200
    first = send(fresh, "a", body_of(fresh, "other"))
    assert first.status_code == 202
    assert "idempotent-replayed" not in first.headers
    dry = send(fresh, "a", body_of(fresh), dry_run="true")
    assert dry.status_code == 200
    assert "idempotent-replayed" not in dry.headers


def test_a_key_has_at_most_256_characters(fresh: ApiClient) -> None:
    longest = "k" * 256
    first = send(fresh, longest, body_of(fresh))
    assert first.status_code == 202
    assert send(fresh, longest, body_of(fresh)).content == first.content
    answer = send(fresh, "k" * 257, body_of(fresh))
    assert "Idempotency-Key" in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


@pytest.mark.parametrize("round_", range(8))
def test_two_at_the_same_moment_make_one_batch_and_get_its_answer(
    fresh: ApiClient, round_: int
) -> None:
    at_once = 6
    barrier = threading.Barrier(at_once)
    body = body_of(fresh, unique())

    def post(_: int) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=60) as client:
            barrier.wait()
            return client.post(
                fresh.url + "/api/v1/ingest",
                content=body,
                headers={
                    "x-api-key": fresh.setup["api_key"],
                    "content-type": "application/json",
                    "idempotency-key": "same",
                },
            )

    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(post, range(at_once)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    fresh_answers = [answer for answer in answers if "idempotent-replayed" not in answer.headers]
    assert len(fresh_answers) == 1
    assert batch_count(fresh) == 1


def test_of_two_different_bodies_at_the_same_moment_one_is_refused(fresh: ApiClient) -> None:
    barrier = threading.Barrier(2)

    def post(text: str) -> httpx.Response:
        barrier.wait()
        return send(fresh, "same", body_of(fresh, text))

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(post, ["one", "other"]), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [202, 400]
    assert_error(answers[1], 400, "IDEMPOTENCY_KEY_REUSED")
    assert batch_count(fresh) == 1


def test_an_answer_is_remembered_when_the_server_is_killed(tmp_path: Path) -> None:
    with running_api("api", tmp_path, NO_RATE_LIMIT) as home:
        api = home.workspace()
        first = send(api, "a", body_of(api))
        home.server.kill()
        home.server.start()
        again = send(api, "a", body_of(api))
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        assert_error(send(api, "a", body_of(api, "other")), 400, "IDEMPOTENCY_KEY_REUSED")
        assert batch_count(api) == 1
