"""Beyond the contract: ``GET /api/v1/search``."""

from typing import Any

import pytest

from everlake.lake import Lake
from everlake.model.utterances import MAX_UTTERANCES, AttachmentUtterances, Utterance
from everlake.tables.local_backend import LocalTableBackend
from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient, run_everlake, run_everlake_json

PATH = "/api/v1/search"
WORDS = ["the export stops at page forty", "we love the export", "the login is slow"]


@pytest.fixture(scope="module")
def said(home: ApiWorkspaces) -> ApiClient:
    api = home.workspace()
    records = [
        api.record(
            _vendor_ids={"id": str(number)},
            _event_at=f"2026-03-0{number + 1}T00:00:00Z",
            data={"text": text},
        )
        for number, text in enumerate(WORDS)
    ]
    call = api.record(_type="call", data={"text": "about the export again"})
    api.wait_until_complete(api.accept(records), api.accept(call))
    return api


def texts(api: ApiClient, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.http.get(PATH, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"results", "nextCursor"}
        found += [result["text"] for result in page["results"]]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


def test_the_best_answer_comes_first(said: ApiClient) -> None:
    assert texts(said, q="login")[:1] == [WORDS[2]]
    assert len(texts(said, q="export")) == 3
    assert texts(said, q="unheard-of-word") == []


def test_a_result_names_its_record_and_shows_where_the_words_stand(said: ApiClient) -> None:
    (result,) = said.http.get(PATH, params={"q": "forty"}).json()["results"]
    record = said.http.get(f"/api/v1/records/{result['recordId']}").json()
    assert record["data"] == {"text": WORDS[0]}
    for name in ("version", "batchId", "source"):
        assert result[name] == record[name]
    assert (result["type"], result["eventAt"]) == (record["_type"], record["_event_at"])
    ((start, end),) = result["highlights"]
    assert result["passage"][start:end] == "forty"


def test_pages_hold_every_result_once(said: ApiClient) -> None:
    whole = texts(said, q="export")
    assert sorted(texts(said, q="export", limit=1)) == sorted(whole)
    assert len(set(whole)) == 3


def test_filters_cut_the_results(said: ApiClient) -> None:
    assert texts(said, q="export", type="call") == ["about the export again"]
    assert texts(said, q="export", since="2026-03-02T00:00:00Z", type="message") == [WORDS[1]]
    assert texts(said, q="export", until="2026-03-01T00:00:01Z") == [WORDS[0]]
    assert texts(said, q="export", source="slack") == []
    assert len(texts(said, q="export", project=said.setup["project_id"])) == 3
    assert len(texts(said, q="export", product=said.setup["product_id"])) == 3
    assert texts(said, q="export", product="nowhere") == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "?!"},
        {"q": "😀"},
        {"q": "\0"},
        {"q": "x" * 1_001},
        {"q": "x", "limit": "0"},
        {"q": "x", "cursor": "x"},
        {"q": "x", "type": "mail"},
        {"q": "x", "since": "now"},
    ],
    ids=lambda query: str(query)[:40],
)
def test_an_impossible_query_is_invalid(api: ApiClient, query: dict[str, str]) -> None:
    message = assert_error(api.http.get(PATH, params=query), 400, "INVALID_PARAMETER")["message"]
    assert ".." not in message


@pytest.mark.parametrize(
    "words",
    ['"', '"export', "export*", "(", "a AND", "-", "a:b", "\\", "NOT", "é" * 1_000, "x " * 500],
)
def test_any_text_can_be_searched_for(said: ApiClient, words: str) -> None:
    assert said.http.get(PATH, params={"q": words}).status_code in {200, 400}


def test_a_workspace_searches_only_its_own(home: ApiWorkspaces, said: ApiClient) -> None:
    assert texts(home.workspace(), q="export") == []
    assert texts(said, q="export") != []


def attach(home: ApiWorkspaces, api: ApiClient, name: str, text: str) -> str:
    """Give a new record an attachment that says ``text``; the record's id."""
    api.wait_until_complete(api.accept(api.record(data={"text": "see attached"})))
    lake = Lake(LocalTableBackend(home.server.data))
    workspace_id = api.setup["workspace_id"]
    (row,) = lake.records.page(workspace_id, limit=1).records
    one = AttachmentUtterances(
        record_id=row.record_id,
        version=row.version,
        batch_id=row.batch_id,
        source=row.source,
        record_type=row.record_type,
        event_at=row.event_at,
        product_id=row.product_id,
        project_ids=row.project_ids,
        utterances=[Utterance(text)],
        attachment_id="att_1",
        name=name,
        position=0,
    )
    lake.utterances.write_attachments(workspace_id, [one])
    return row.record_id


def test_a_result_names_the_attachment_whose_text_it_is(home: ApiWorkspaces) -> None:
    api = home.workspace()
    record_id = attach(home, api, "offer.pdf", "the discount is nine percent")
    (result,) = api.http.get(PATH, params={"q": "discount"}).json()["results"]
    assert (result["recordId"], result["ordinal"]) == (record_id, MAX_UTTERANCES)
    assert result["attachment"] == {"attachmentId": "att_1", "filename": "offer.pdf"}
    (own,) = api.http.get(PATH, params={"q": "attached"}).json()["results"]
    assert "attachment" not in own


def test_the_command_names_the_attachment_as_well(home: ApiWorkspaces) -> None:
    api = home.workspace()
    record_id = attach(home, api, "offer\x1b[2J\n.pdf", "the discount is nine percent")
    where = ("--workspace", api.setup["workspace_id"])
    hit = run_everlake_json("search", "discount", *where, data=home.server.data)
    assert (hit["attachment_id"], hit["attachment"]) == ("att_1", "offer\x1b[2J\n.pdf")
    told = run_everlake("search", "discount", *where, data=home.server.data).stdout
    assert "attachment offer\ufffd[2J .pdf of" in told
    assert record_id in told
    own = run_everlake("search", "attached", *where, data=home.server.data).stdout
    assert "someone" in own
    assert "attachment " not in own
