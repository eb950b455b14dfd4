"""Records for property tests: valid ones, and valid ones with something changed."""

import copy
from typing import Any

from hypothesis import strategies as st

from everlake.contract.envelope import RECORD_TYPES

_text = st.text(st.characters(codec="utf-8"), max_size=70)
_id = st.text(st.characters(codec="utf-8"), max_size=30)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_id, inner, max_size=4),
    max_leaves=10,
)

participants = st.fixed_dictionaries(
    {"id": _id, "role": st.sampled_from(["internal", "external", "unknown"])},
    optional={
        "name": _id,
        "email": st.sampled_from(["a@b", "someone@example.com"]),
        "type": st.sampled_from(
            ["user", "contact", "workspace_member", "bot", "system", "unknown"]
        ),
    },
)

attachments = st.fixed_dictionaries(
    {"type": st.sampled_from(["audio", "video", "file", "image", "text", "unknown"])},
    optional={
        "filename": _id,
        "size": st.integers(min_value=0, max_value=10**25),
        "mime_type": _id,
        "sha1": _id,
        "md5": _id,
        "vendor_url": st.sampled_from(["https://example.com/a?b#c", "HTTP://x"]),
        "upload_intent_id": _id,
    },
)

pii = st.fixed_dictionaries(
    {},
    optional={
        "contains_email": st.booleans(),
        "contains_phone": st.booleans(),
        "sensitive_score": st.floats(0, 1) | st.sampled_from([0, 1]),
        "detected_entities": st.lists(
            st.fixed_dictionaries(
                {"type": _id}, optional={"value": _id, "confidence": st.floats(0, 1)}
            ),
            max_size=3,
        ),
        "redaction_status": st.sampled_from(["unredacted", "redacted", "encrypted"]),
    },
)

event_times = (
    st.datetimes()
    .map(lambda moment: moment.replace(microsecond=0).isoformat())
    .flatmap(lambda text: st.sampled_from([text + "Z", text + ".5Z", text + ".123Z"]))
)

valid_records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "_type": st.sampled_from(RECORD_TYPES).flatmap(
            lambda name: st.sampled_from([name, name.upper(), f" {name}\t"])
        ),
        "_schema_version": st.just("1.0.0"),
        "_event_at": event_times,
        "_vendor_ids": st.dictionaries(_id, _id, min_size=1, max_size=3),
        "_product_id": _id,
        "_project_ids": st.lists(_id, min_size=1, max_size=3),
        "data": st.dictionaries(_id, json_values, max_size=4),
    },
    optional={
        "_project_id": _id,
        "_nature": st.sampled_from(["evidence", "guidance", "context"]),
        "_thread_id": _id,
        "_participants": st.lists(participants, max_size=3),
        "_attachments": st.lists(attachments, max_size=11),
        "_tags": st.lists(_id, max_size=3),
        "_pii": pii,
    },
)

_edges = st.sampled_from(
    [
        "",
        " ",
        "x" * 64,
        "x" * 65,
        "x" * 128,
        "x" * 129,
        "é" * 256,
        "é" * 257,
        "😀" * 512,
        "😀" * 513,
        "a@b\n",
        "a b@c",
        "ftp://x",
        "http://",
        "2026-02-29T00:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T23:59:60Z",
        "2024-02-29t00:00:00Z",
        "2024-02-29T00:00:00z",
        "2024-02-29T00:00:00+00:00",
        "2024-02-29T00:00:00.Z",
        "2024-02-29T00:00:00.1234Z",
        "2024-02-29T00:00:00.\u0661Z",
        "\u0662\u0660\u0662\u0664-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        -1,
        1.0,
        1.5,
        2,
        True,
        None,
        [],
        {},
        [[]],
        [{}],
        ["x"] * 201,
    ]
)


@st.composite
def mutated_records(draw: st.DrawFn) -> Any:
    """A valid record in which up to three values were replaced, removed or added."""
    record: Any = copy.deepcopy(draw(valid_records))
    for _ in range(draw(st.integers(0, 3))):
        record = _mutate(draw, record)
    return record


def _mutate(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        action = draw(st.sampled_from(["descend", "descend", "descend", "remove", "add"]))
        if action == "remove":
            del value[name]
        elif action == "add":
            value[draw(st.sampled_from(["x", "_x", "name", ""]))] = _draw_anything(draw)
        else:
            value[name] = _mutate(draw, value[name])
        return value
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(value) - 1))
        value[place] = _mutate(draw, value[place])
        return value
    return _draw_anything(draw)


def _draw_anything(draw: st.DrawFn) -> Any:
    # A copy: an edge that a later step adds to would change for every record, even to hold itself.
    return copy.deepcopy(draw(json_values | _edges))
