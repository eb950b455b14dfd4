"""Real meetings and chats, where they lie beside the project (see ``conftest.py``)."""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.server import NO_RATE_LIMIT, ApiClient, run_everlake_json, running_server
from tests.support.shared_data import REAL_DATA


def meetings() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (REAL_DATA / "qmsum" / "val.jsonl").open()]


def chats() -> list[dict[str, Any]]:
    return json.loads((REAL_DATA / "abcd" / "sample.json").read_text())


def test_meetings_and_chats_arrive_whole_and_are_found_by_their_own_words(tmp_path: Path) -> None:
    setup = run_everlake_json("init", data=tmp_path)
    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        api = ApiClient(server.url, setup)
        originals = {
            **{f"meeting-{n}": ("call_transcription", one) for n, one in enumerate(meetings())},
            **{f"chat-{n}": ("conversation", one) for n, one in enumerate(chats())},
        }
        batches: list[str] = []
        for name, (record_type, data) in originals.items():
            record = api.record(_type=record_type, _vendor_ids={"name": name}, data=data)
            batches.append(api.accept(record))
        api.wait_until_complete(*batches)

        for batch_id, (_, data) in zip(batches, originals.values(), strict=True):
            (listed,) = api.http.get("/api/v1/records", params={"batch": batch_id}).json()[
                "records"
            ]
            assert listed["data"] == data

        for batch_id, (_, data) in zip(batches, originals.values(), strict=True):
            speaker, said = longest_turn(data)
            query = f'"{spoken_words(said)}"'
            answer = api.http.get("/api/v1/search", params={"q": query, "limit": "5"}).json()
            hits = [hit for hit in answer["results"] if hit["batchId"] == batch_id]
            assert hits, query
            assert any(hit.get("speaker") == speaker for hit in hits), (speaker, hits)


def longest_turn(data: dict[str, Any]) -> tuple[str, str]:
    if "meeting_transcripts" in data:
        turns = [(turn["speaker"], turn["content"]) for turn in data["meeting_transcripts"]]
    else:
        turns = [(who, text) for who, text in data["original"] if who != "action"]
    return max(turns, key=lambda turn: len(turn[1]))


def spoken_words(text: str) -> str:
    """Ten words that stand side by side, from a stretch without transcriber's marks."""
    stretches = re.split(r"\{\w+\}", text.replace('"', " "))
    return " ".join(max(stretches, key=len).split()[:10])
