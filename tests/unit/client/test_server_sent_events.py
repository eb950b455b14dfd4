import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from litestar.response.sse import ServerSentEventMessage

from everlake.client.server_sent_events import LineTooLong, ServerSentEvent, read_events


def read(*parts: bytes) -> list[ServerSentEvent]:
    return list(read_events(parts))


plain = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
events = st.lists(
    st.builds(
        ServerSentEvent,
        event=plain.filter(bool),
        data=st.lists(plain, min_size=1, max_size=3).map("\n".join),
        id=plain,
    ),
    max_size=4,
)


@given(events, st.sampled_from(["\n", "\r\n"]), st.lists(st.integers(0, 400), max_size=8))
@example([ServerSentEvent("batch", '{"a":"\u2028\x85\x0b"}', "1")], "\r\n", [1, 2, 3])
def test_events_are_read_however_they_are_cut_into_parts(
    written: list[ServerSentEvent], separator: str, cuts: list[int]
) -> None:
    stream = b"".join(
        ServerSentEventMessage(one.data, one.event, one.id, sep=separator).encode()
        for one in written
    )
    places = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    parts = [stream[start:end] for start, end in itertools.pairwise(places)]

    # A value begins after one space, which is no part of it.
    assert read(*parts) == written


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"data: cut off\n", []),
        (b"data: a\n\n", [("message", "a", "")]),
        (b"data\n\n", [("message", "", "")]),
        (b"data:a\ndata: b\n\n", [("message", "a\nb", "")]),
        (b": a comment\n\n:\n\n", []),
        (b"retry: 1000\n\nid: 1\ndata: a\n\n", [("message", "a", "1")]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [("message", "a", "1"), ("message", "b", "1")]),
        (b"event: x\n\ndata: a\n\n", [("message", "a", "")]),
        (b"id: 1\nid: 2\0\ndata: a\n\n", [("message", "a", "1")]),
        (b"other: x\nDATA: y\ndata: a\n\n", [("message", "a", "")]),
        (b"data: a\r\rdata: b\r\r\n", [("message", "a", ""), ("message", "b", "")]),
        (b"data: \xff\n\n", [("message", "\ufffd", "")]),
    ],
)
def test_a_stream_is_read_as_the_standard_says(
    stream: bytes, expected: list[tuple[str, str, str]]
) -> None:
    assert read(stream) == [ServerSentEvent(*one) for one in expected]
    assert read(*(bytes([byte]) for byte in stream)) == [ServerSentEvent(*one) for one in expected]


def test_a_line_without_end_is_an_error() -> None:
    with pytest.raises(LineTooLong):
        read(*itertools.repeat(b"data: " + b"x" * 100_000, 12))
