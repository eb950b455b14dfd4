"""Cursors that a client made by itself, with a right checksum: it uses no secret."""

import httpx
import pytest

from everlake.api.cursors import CursorCodec
from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient

POSITIONS = ["", "x", "-1", "1e9", "٣", "9" * 30, "\0", "1.2.3", "1@2@3", " 1", "é" * 50]


def page(api: ApiClient, path: str, kind: str, scope: str, position: str) -> httpx.Response:
    cursor = CursorCodec(kind).encode(scope, position)
    separator = "&" if "?" in path else "?"
    return api.http.get(f"{path}{separator}cursor={cursor}")


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/records", "records"),
        ("/api/v1/search?q=hello", "search"),
        ("/api/v1/ingest/batches/{batch}/errors", "errors"),
        ("/api/v1/ingest/batches/{batch}/attachments", "attachments"),
    ],
)
def test_a_position_that_the_list_does_not_have_is_refused(
    still: ApiWorkspaces, path: str, kind: str, position: str
) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    workspace_id = api.setup["workspace_id"]
    scope = {"errors": f"{workspace_id}/{batch_id}/", "attachments": f"{workspace_id}/{batch_id}"}
    answer = page(api, path.format(batch=batch_id), kind, scope.get(kind, workspace_id), position)

    assert_error(answer, 400, "INVALID_PARAMETER")


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/ingest/batches", "batches"),
        ("/api/v1/products", "products"),
        ("/api/v1/projects", "projects"),
    ],
)
def test_an_id_that_is_not_there_is_no_error_of_the_server(
    still: ApiWorkspaces, path: str, kind: str, position: str
) -> None:
    api = still.workspace()

    answer = page(api, path, kind, api.setup["workspace_id"], position)

    assert answer.status_code in {200, 400}, answer.text
