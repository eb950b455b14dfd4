"""Real meetings and chats, where they lie beside the project (see ``conftest.py``)."""

import json

from everlake.analysis.utterances import extract_utterances
from tests.support.shared_data import REAL_DATA

MEETINGS = REAL_DATA / "qmsum" / "val.jsonl"
CHATS = REAL_DATA / "abcd" / "sample.json"


def test_every_meeting_keeps_its_turns_and_speakers() -> None:
    for line in MEETINGS.read_text().splitlines():
        turns = json.loads(line)["meeting_transcripts"]
        turns = [turn for turn in turns if turn["content"].strip()]
        data = json.dumps({"meeting_transcripts": turns}).encode()
        said = iter(extract_utterances("call_transcription", data))
        for turn in turns:
            words = turn["content"].split()
            while words:
                piece = next(said)
                assert piece.speaker == turn["speaker"].strip()
                heard = piece.text.split()
                assert heard == words[: len(heard)]
                words = words[len(heard) :]
        assert next(said, None) is None
        assert len(extract_utterances("meeting_notes", line.encode())) >= len(turns)


def test_every_chat_keeps_its_turns_and_speakers() -> None:
    for chat in json.loads(CHATS.read_text()):
        turns = [(speaker, " ".join(text.split())) for speaker, text in chat["original"]]
        data = json.dumps({"original": chat["original"]}).encode()
        said = extract_utterances("conversation", data)
        assert [(x.speaker, x.text) for x in said] == turns
        roles = {x.speaker: x.role for x in said}
        assert roles["agent"] == "internal"
        assert roles["customer"] == "external"
        everything = extract_utterances("conversation", json.dumps(chat).encode())
        assert set(turns) <= {(x.speaker, x.text) for x in everything}
