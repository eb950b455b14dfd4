"""The server that the benchmark's attachments come from."""

import os
from pathlib import Path

import httpx

from bench.peers.files import file_server


def test_files_come_whole_over_one_connection_and_others_are_not_found(tmp_path: Path):
    contents = {name: os.urandom(size) for name, size in (("a", 3_000_000), ("b", 1), ("c", 0))}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)

    with file_server(tmp_path) as url, httpx.Client(base_url=url, trust_env=False) as client:
        answers = {name: client.get(name) for name in contents}
        missing = client.get("d")

    assert {name: answer.content for name, answer in answers.items()} == contents
    assert len({answer.headers["etag"] for answer in answers.values()}) == 3
    assert missing.status_code == 404
