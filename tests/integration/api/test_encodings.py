"""Contract, Body: content encodings, and the limit that holds after decompression."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
import zstandard

from tests.support.api_workspaces import assert_error, records_of, with_data
from tests.support.server import ApiClient

LIMIT = 5 * 1024 * 1024


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(body)


def zstd_stream(body: bytes) -> bytes:
    """A frame that does not tell its content's size."""
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return compressor.compress(body) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "zstd": zstd,
}


def padded(api: ApiClient, size: int) -> bytes:
    """A right record of exactly ``size`` bytes, most of them one string."""
    short = with_data(api, b'{"text":""}')
    body = with_data(api, b'{"text":"' + b"x" * (size - len(short)) + b'"}')
    assert len(body) == size
    return body


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("zstd", zstd),
        ("zstd", zstd_stream),
        ("identity", lambda body: body),
    ],
)
def test_a_body_may_be_compressed(
    fresh: ApiClient, encoding: str, body: Callable[[bytes], bytes]
) -> None:
    text = json.dumps(fresh.record(data={"text": "é" * 1_000})).encode()
    batch_id = fresh.accept(body(text), headers={"content-encoding": encoding})
    (record,) = records_of(fresh, batch_id)
    assert record["data"] == {"text": "é" * 1_000}


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compressed_body_may_have_several_members(api: ApiClient, encoding: str) -> None:
    encode = ENCODERS[encoding]
    text = json.dumps(api.record()).encode()
    parts = [b"", *(text[start : start + 50] for start in range(0, len(text), 50)), b""]
    api.accept(b"".join(map(encode, parts)), headers={"content-encoding": encoding})


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, gzip", "gzip, zstd", "*"])
def test_any_other_encoding_is_unsupported(api: ApiClient, encoding: str) -> None:
    answer = api.post(api.record(), headers={"content-encoding": encoding})
    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_does_not_decompress_is_refused(api: ApiClient, encoding: str) -> None:
    text = json.dumps(api.record()).encode()
    whole = ENCODERS[encoding](text)
    broken = bytearray(whole)
    broken[-1] ^= 0xFF
    bodies = [text, b"", whole[:-5], whole[:3], whole + b"garbage", zlib.compress(text)]
    if encoding == "gzip":
        bodies.append(bytes(broken))
    for body in bodies:
        answer = api.post(body, headers={"content-encoding": encoding})
        assert_error(answer, 400, "INVALID_BODY")


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_five_megabytes_are_accepted_and_one_byte_more_is_too_large(
    api: ApiClient, encoding: str
) -> None:
    encode = ENCODERS[encoding]
    headers = {"content-encoding": encoding}
    api.accept(encode(padded(api, LIMIT)), headers=headers)
    answer = api.post(encode(padded(api, LIMIT + 1)), headers=headers)
    assert "5,242,880" in assert_error(answer, 413, "PAYLOAD_TOO_LARGE")["message"]


def test_white_space_counts_as_body(api: ApiClient) -> None:
    body = json.dumps(api.record()).encode()
    api.accept(body + b" " * (LIMIT - len(body)))
    answer = api.post(body + b" " * (LIMIT + 1 - len(body)))
    assert_error(answer, 413, "PAYLOAD_TOO_LARGE")


def test_five_incompressible_megabytes_are_accepted_compressed(api: ApiClient) -> None:
    """What is sent is then a little larger than the limit; what counts is what comes out."""
    body = padded(api, LIMIT)
    stored_only = zlib.compressobj(0, wbits=31)
    sent = stored_only.compress(body) + stored_only.flush()
    assert len(sent) > LIMIT
    api.accept(sent, headers={"content-encoding": "gzip"})
