"""Settings, ids and links beside what somebody says."""

import json

import pytest

from everlake.analysis.utterances import extract_utterances


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mime", "text/plain; charset=utf-8"),
        ("host_key", "k-771"),
        ("recorded_with", "v3.11.2"),
        ("user_language", "EN"),
        ("collector", "weblink"),
        ("channels", "chat"),
    ],
)
def test_setting_beside_a_comment_is_not_said(name: str, value: str) -> None:
    data = {"comment": "The waiting room has no clock.", name: value}
    found = extract_utterances("document", json.dumps(data).encode())
    assert [x.text for x in found] == ["The waiting room has no clock."]
