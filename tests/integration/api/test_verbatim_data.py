"""Contract, Record: ``data`` is an object and kept byte for byte as sent."""

import json

import pytest

from tests.support.api_workspaces import (
    as_ndjson,
    assert_error,
    data_of,
    messages,
    unique,
    with_data,
)
from tests.support.server import ApiClient

KEPT = {
    "empty": b"{}",
    "white space": b'{ "a" :\t1 ,  "b":[ 1 , 2 ] }',
    "line breaks": b'{\n  "a": 1,\r\n\t"b": [\n1\r]\n}',
    "members given twice": b'{"a":1,"a":{"a":2,"a":3},"a":null}',
    "an escaped slash": rb'{"a":"<\/script>","b\/c":1}',
    "escapes that are not needed": rb'{"\u0061":"\u00e9\u00E9\u0041","b":"\u002f"}',
    "all short escapes": rb'{"a":"\"\\\b\f\n\r\t"}',
    "nul": rb'{"a":"\u0000","\u0000":1}',
    "a pair of surrogate escapes": rb'{"a":"\ud83d\ude00\uD83D\uDE00"}',
    "raw characters": '{"é😀":"\u2028\u2029\ufeff\u007f\u0085\U0010ffff"}'.encode(),
    "an integer of 30 digits": b'{"a":123456789012345678901234567890,"b":-999999999999999999999}',
    "a number beyond a double": b'{"a":1e99999,"b":-1E+99999,"c":1e-99999}',
    "numbers in every spelling": b'{"a":[0,-0,0.0,-0.0e0,1.10,1E5,1e+05,10000000000000000.5]}',
    "members of the envelope": b'{"_type":"call","_event_at":null,"data":{"data":1}}',
    "members of ours": b'{"recordId":"x","version":-1,"batchId":[],"_data_text":"{}"}',
    "many levels": b'{"a":' + b"[" * 800 + b"]" * 800 + b"}",
    "html": b'{"a":"<b>&amp;</b>","b":"</script><!--"}',
    "an order of its own": b'{"z":1,"a":2,"m":3,"A":4,"":5}',
}


@pytest.mark.parametrize("data", KEPT.values(), ids=KEPT.keys())
def test_data_comes_back_byte_for_byte(fresh: ApiClient, data: bytes) -> None:
    assert data_of(fresh, fresh.accept(with_data(fresh, data))) == data


@pytest.mark.parametrize("data", KEPT.values(), ids=KEPT.keys())
def test_data_of_a_line_comes_back_byte_for_byte(fresh: ApiClient, data: bytes) -> None:
    if b"\n" in data:
        data = data.replace(b"\n", b"\r")
    answer = as_ndjson(fresh, with_data(fresh, data))
    assert answer.status_code == 202, answer.text
    assert data_of(fresh, answer.json()["batchId"]) == data


def test_data_beside_a_refused_record_comes_back_byte_for_byte(fresh: ApiClient) -> None:
    data = KEPT["line breaks"]
    body = b"[ {}, " + with_data(fresh, data) + b"\n]"
    assert data_of(fresh, fresh.accept(body)) == data


def test_each_record_of_a_batch_keeps_its_own_data(fresh: ApiClient) -> None:
    marks = [unique() for _ in range(100)]
    bodies = [
        with_data(fresh, b'{ "mark":\n"%s"}' % mark.encode(), _vendor_ids={"id": mark})
        for mark in marks
    ]
    batch_id = fresh.accept(b"[" + b",".join(bodies) + b"]")
    fresh.wait_until_complete(batch_id)
    page = fresh.http.get("/api/v1/records", params={"batch": batch_id, "limit": 100}).text
    assert [page.count(f'"mark":\n"{mark}"' + "}") for mark in marks] == [1] * 100


def test_a_record_of_five_megabytes_in_one_string_is_kept(fresh: ApiClient) -> None:
    room = 5 * 1024 * 1024 - len(with_data(fresh, b'{"a":""}'))
    data = b'{"a":"' + b"word " * (room // 5) + b"x" * (room % 5) + b'"}'
    body = with_data(fresh, data)
    assert len(body) == 5 * 1024 * 1024
    assert data_of(fresh, fresh.accept(body)) == data


BROKEN = {
    "malformed UTF-8": b'{"a":"\xff"}',
    "an overlong form": b'{"a":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "a cut-off character": b'{"a":"\xf0\x9f\x98"}',
    "a lone high surrogate": rb'{"a":"\ud83d"}',
    "a lone low surrogate": rb'{"a":"\ude00\ud83d"}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a hundred thousand brackets": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a hundred thousand open brackets": b'{"a":' + b"[" * 100_000,
    "a raw control character": b'{"a":"\x00"}',
    "a leading zero": b'{"a":00}',
    "a trailing comma": b'{"a":1,}',
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_data_that_is_not_json_is_a_fault_of_the_whole_json_request(
    api: ApiClient, data: bytes
) -> None:
    right = json.dumps(api.record()).encode()
    body = b"[" + right + b"," + with_data(api, data) + b"]"
    assert_error(api.post(body), 400, "INVALID_JSON")


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_data_that_is_not_json_is_a_fault_of_its_line(api: ApiClient, data: bytes) -> None:
    right = json.dumps(api.record()).encode()
    answer = as_ndjson(api, right + b"\n" + with_data(api, data) + b"\n" + right)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (2, 1)
    assert [(error["index"], error["code"]) for error in body["errors"]] == [(1, "INVALID_JSON")]


@pytest.mark.parametrize("text", [b"\xff", rb"\ud800"], ids=["malformed UTF-8", "a surrogate"])
@pytest.mark.parametrize("member", [b'"_thread_id":"%s"', b'"%s":1', b'"_vendor_ids":{"a":"%s"}'])
def test_an_envelope_that_is_not_utf8_is_no_json(
    api: ApiClient, member: bytes, text: bytes
) -> None:
    right = json.dumps(api.record()).encode()
    bad = right[:-1] + b"," + member % text + b"}"
    assert_error(api.post(b"[" + bad + b"," + right + b"]"), 400, "INVALID_JSON")
    answer = as_ndjson(api, bad + b"\n" + right)
    assert answer.status_code == 202, answer.text
    assert [error["code"] for error in answer.json()["errors"]] == ["INVALID_JSON"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_than_plain_utf8_is_told_by_its_name(
    api: ApiClient, encoding: str
) -> None:
    body = json.dumps(api.record()).encode(encoding)
    message = assert_error(api.post(body), 400, "INVALID_JSON")["message"]
    assert ("byte order mark" if encoding == "utf-8-sig" else "UTF-16") in message
    line = messages(as_ndjson(api, body))[0]
    assert ("byte order mark" if encoding == "utf-8-sig" else "UTF-") in line


def test_a_number_of_the_envelope_beyond_a_double_breaks_its_rule(api: ApiClient) -> None:
    record = json.dumps(api.record(_pii={"sensitive_score": "@"})).encode()
    answer = api.post(b"[" + record.replace(b'"@"', b"1e99999") + b"]", params={"dry_run": "true"})
    assert messages(answer) == ["_pii.sensitive_score: must be a number from 0 to 1"]


def test_a_member_of_the_envelope_given_twice_counts_as_its_last(fresh: ApiClient) -> None:
    right = json.dumps(fresh.record()).encode()
    batch_id = fresh.accept(b'{"data":{"first":1},' + right[1:])
    assert data_of(fresh, batch_id) == b'{"text": "hello"}'
