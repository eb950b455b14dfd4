"""Timeout of a request body."""

from pathlib import Path

from tests.support.api_workspaces import running_api
from tests.support.server import NO_RATE_LIMIT
from tests.support.uploads import announce, complete_upload, start_put, whole_url


def test_a_stalled_body_ends_its_request(tmp_path: Path) -> None:
    with running_api("api", tmp_path, {**NO_RATE_LIMIT, "EVERLAKE_BODY_TIMEOUT": "1"}) as home:
        api = home.workspace()
        upload = announce(api, 100)
        with start_put(api, whole_url(upload), 100) as connection:
            connection.sendall(b"x" * 50)
            answer = connection.recv(65_536)

        assert b" 400 " in answer.split(b"\r\n")[0]
        assert b"too slow" in answer
        assert complete_upload(api, b"the server goes on")
