"""A recording made to do harm fails alone, within its limits, and the next one is heard well."""

import io
import os
import random
import re
import struct
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.attachments.extraction import (
    AttachmentText,
    ExtractionLimits,
    Extractor,
    TextCode,
    TextKind,
    TranscriptionOptions,
)
from tests.support.extraction import (
    Extract,
    error_code_of,
    extract_with,
    text_or_code,
)
from tests.support.recordings import CUSTOMER, MODEL, RATE, customer, encoded, silence, silent_film
from tests.support.sample_files import docx, paragraph, zipped

LIMITS = ExtractionLimits(seconds=40, memory_bytes=2**30)
OGG = CUSTOMER.read_bytes()
NOTHING = AttachmentText(kind=TextKind.CAPTIONS, sections=())
WRONG = {TextCode.DAMAGED, TextCode.UNSUPPORTED}
AT_ITS_LIMITS = {TextCode.TIMED_OUT, TextCode.OUT_OF_MEMORY, TextCode.CRASHED}


@pytest.fixture(scope="module")
def extractor() -> Generator[Extractor]:
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL, max_seconds=600))
    yield extractor
    extractor.close()


@pytest.fixture
def extract(extractor: Extractor, tmp_path: Path) -> Extract:
    """Read bytes as a file of this name, or of this type."""
    return extract_with(extractor, tmp_path)


@pytest.fixture(autouse=True)
def _next_file_is_heard_well(extract: Extract) -> Generator[None]:
    yield
    assert "quarter" in said(extract(OGG, "good.ogg"))


def said(text: AttachmentText) -> str:
    return " ".join(one.text for one in text.sections)


def header(*, rate: int = RATE, channels: int = 1, size: int = 2**32 - 1, kind: int = 1) -> bytes:
    """A WAV of 16 bits, or of another ``kind``, that says it has ``size`` bytes of sound."""
    bits = 32 if kind == 3 else 16
    whole = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", kind, channels, rate, rate * whole & 0xFFFFFFFF, whole & 0xFFFF, bits
    )
    wave = b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVEfmt " + struct.pack("<I", 16)
    return wave + form + b"data" + struct.pack("<I", size)


def words_of_customer() -> bytes:
    return (customer() * 32_000).astype("<i2").tobytes()


class Listening:
    """An HTTP server, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        listening = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listening.asked.append(self.path)
                self.send_error(404)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listening() -> Generator[Listening]:
    made = Listening()
    yield made
    made.server.shutdown()
    made.server.server_close()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{there}\n#EXT-X-ENDLIST\n",
    "hls with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{there}"\n#EXTINF:9,\n{there}\n',
    "concat": "ffconcat version 1.0\nfile '{there}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    "<AdaptationSet><Representation><BaseURL>{there}</BaseURL></Representation></AdaptationSet>"
    "</Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "asx": "[Reference]\nRef1={there}\n",
    "smil": '<smil><body><audio src="{there}"/></body></smil>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_list_of_other_files_leads_nowhere(
    extract: Extract, listening: Listening, tmp_path: Path, kind: str
) -> None:
    web = f"http://127.0.0.1:{listening.server.server_port}/a.mp3"
    (tmp_path / "other.ogg").write_bytes(OGG)
    for there in (web, f"file://{tmp_path}/other.ogg", "/etc/passwd"):
        content = PLAYLISTS[kind].format(there=there).encode()

        assert error_code_of(lambda content=content: extract(content, "list.mp3")) in WRONG

    assert listening.asked == []


def test_a_film_whose_sound_lies_elsewhere_leads_nowhere(
    extract: Extract, listening: Listening
) -> None:
    """A ``dref`` with a URL in place of "in this file" (ISO/IEC 14496-12)."""
    film = encoded(customer(), "mp4", "aac")
    url = f"http://127.0.0.1:{listening.server.server_port}/a.mp4\0".encode()
    here = struct.pack(">I4sI", 12, b"url ", 1)
    there = struct.pack(">I4sI", 12 + len(url), b"url ", 0) + url
    assert here in film

    found = text_or_code(lambda: extract(film.replace(here, there[: len(here)]), "a.mp4"))
    grown = text_or_code(lambda: extract(film.replace(here, there), "a.mp4"))

    for one in (found, grown):
        assert isinstance(one, AttachmentText) or one in WRONG
    assert listening.asked == []


@pytest.mark.parametrize("container", ["mp4", "webm", "ogg", "wav", "flac", "mp3"])
def test_a_recording_cut_off_anywhere_ends_in_what_was_said_or_is_damaged(
    extract: Extract, container: str
) -> None:
    codec = {"mp4": "aac", "wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame"}
    rate = 48_000 if container in {"webm", "ogg"} else RATE
    content = encoded(customer(), container, codec.get(container, "libopus"), rate=rate)
    places = random.Random(container).sample(range(len(content)), 3)
    for place in (0, *places, len(content) - 1):
        found = text_or_code(lambda end=place: extract(content[:end], f"a.{container}"))

        assert isinstance(found, AttachmentText) or found in WRONG


def test_a_film_cut_off_behind_its_index_is_written_down_so_far(extract: Extract) -> None:
    film = encoded(customer(), "mp4", "aac", options={"movflags": "frag_keyframe+empty_moov"})
    assert film.index(b"moov") < film.index(b"mdat")

    text = said(extract(film[: len(film) * 2 // 3], "a.mp4"))

    assert "spreadsheets" in text
    assert "Thursday" not in text


def test_a_film_without_sound_says_so(extract: Extract) -> None:
    assert (
        error_code_of(lambda: extract(silent_film("mp4", "libx264"), "a.mp4"))
        is TextCode.UNSUPPORTED
    )


def test_an_archive_that_is_called_a_recording_is_none(extract: Extract) -> None:
    content = zipped({"a.txt": "x"})

    assert error_code_of(lambda: extract(content, "a.mp3")) is TextCode.UNSUPPORTED


def test_a_document_that_is_called_a_recording_is_read(extract: Extract) -> None:
    assert said(extract(docx(paragraph("All is well")), "a.mp3")) == "All is well"


def test_words_that_are_called_a_recording_are_none(extract: Extract) -> None:
    assert error_code_of(lambda: extract(b"Not a sound.\n" * 1_000, "a.mp3")) in WRONG


@pytest.mark.parametrize("size", [0, 1, 2**31, 2**32 - 1])
def test_what_a_wav_says_of_its_size_is_not_believed(extract: Extract, size: int) -> None:
    found = text_or_code(lambda: extract(header(size=size) + words_of_customer(), "a.wav"))

    if size > 1:
        assert isinstance(found, AttachmentText)
        assert "spreadsheets" in said(found)
    else:
        assert found in WRONG or isinstance(found, AttachmentText)


def test_a_title_that_is_no_unicode_is_no_trouble(extract: Extract) -> None:
    title = b"INFOINAM" + struct.pack("<I", 4) + b"caf\xe9"
    content = header()
    at = content.index(b"data")
    titled = content[:at] + b"LIST" + struct.pack("<I", len(title)) + title + content[at:]

    assert "quarter" in said(extract(titled + words_of_customer(), "a.wav"))


@pytest.mark.parametrize("rate", [0, 1, 100, 3_999, 500_000, 2**31 - 1, 2**32 - 1])
def test_a_sample_rate_that_no_recording_has_is_refused(extract: Extract, rate: int) -> None:
    content = header(rate=rate) + words_of_customer()

    assert error_code_of(lambda: extract(content, "a.wav")) in WRONG


@pytest.mark.parametrize("rate", [4_000, 11_025, 44_056, 96_000])
def test_an_odd_sample_rate_is_heard(extract: Extract, rate: int) -> None:
    assert "quarter" in said(extract(encoded(customer(), "wav", "pcm_s16le", rate=rate), "a.wav"))


@pytest.mark.parametrize("channels", [0, 3, 8, 64, 65_535])
def test_any_number_of_channels_ends_well(extract: Extract, channels: int) -> None:
    content = header(channels=channels) + words_of_customer()

    found = text_or_code(lambda: extract(content, "a.wav"))

    assert isinstance(found, AttachmentText) or found in WRONG


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_samples_that_are_no_numbers_are_nothing(extract: Extract, value: float) -> None:
    samples = np.full(20 * RATE, value, "<f4").tobytes()

    assert extract(header(kind=3) + samples, "a.wav") == NOTHING


def test_hours_of_silence_are_nothing(extractor: Extractor, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(header())
    os.truncate(path, 2**32)

    text = extractor.extract(path, mime_type="", filename="a.wav", stop=threading.Event())

    assert text == AttachmentText(kind=TextKind.CAPTIONS, sections=(), truncated=True)


def chained(links: int) -> bytes:
    """As many Ogg files in one (RFC 3533), each with another serial number."""
    small = encoded(silence(0.05), "ogg", "libopus", rate=48_000)
    pages = [small[one.start() :] for one in re.finditer(b"OggS", small)]
    lengths = [len(page) - len(after) for page, after in zip(pages, [*pages[1:], b""], strict=True)]
    made: list[bytes] = []
    for link in range(links):
        for page, length in zip(pages, lengths, strict=True):
            numbered = bytearray(page[:length])
            numbered[14:18] = struct.pack("<I", link + 1)
            numbered[22:26] = bytes(4)
            numbered[22:26] = struct.pack("<I", checksum(numbered))
            made.append(bytes(numbered))
    return b"".join(made)


def checksum(page: bytes | bytearray) -> int:
    found = 0
    for byte in page:
        found = (found << 8 & 0xFFFFFFFF) ^ _TABLE[found >> 24 ^ byte]
    return found


def _entry(byte: int) -> int:
    found = byte << 24
    for _ in range(8):
        found = (found << 1 ^ (0x04C11DB7 if found & 0x80000000 else 0)) & 0xFFFFFFFF
    return found


_TABLE = [_entry(byte) for byte in range(256)]


def test_thousands_of_recordings_in_one_end_well(extract: Extract) -> None:
    assert (
        checksum(OGG[:22] + bytes(4) + OGG[26 : OGG.index(b"OggS", 4)])
        == struct.unpack("<I", OGG[22:26])[0]
    )

    found = text_or_code(lambda: extract(chained(5_000), "a.ogg"))

    assert isinstance(found, AttachmentText) or found in WRONG
    assert found == NOTHING or found in WRONG


def test_many_tracks_are_no_trouble(extract: Extract) -> None:
    made = io.BytesIO()
    with av.open(made, "w", format="matroska") as output:
        tracks = [output.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(120)]
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1_024), np.int16), "s16", "mono")
        frame.sample_rate = RATE
        for track in tracks:
            frame.pts = 0
            output.mux(track.encode(frame))

    found = text_or_code(lambda: extract(made.getvalue(), "a.mkv"))

    assert found == NOTHING or found in WRONG


def test_a_thousand_streams_end_well(extract: Extract) -> None:
    """As many ``TrackEntry`` of a Matroska file (RFC 9559), all of them numbered otherwise."""

    def element(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">Q", 1 << 56 | len(body)) + body

    tracks = b"".join(
        element(
            b"\xae",
            element(b"\xd7", struct.pack(">H", number))
            + element(b"\x73\xc5", struct.pack(">H", number))
            + element(b"\x83", b"\2")
            + element(b"\x86", b"A_OPUS"),
        )
        for number in range(1, 3_001)
    )
    head = element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"matroska"))
    content = head + element(b"\x18\x53\x80\x67", element(b"\x16\x54\xae\x6b", tracks))

    assert error_code_of(lambda: extract(content, "a.mkv")) in WRONG


HEADS = (b"", b"ID3\x04\0\0", OGG[:100], b"fLaC", b"\x1aE\xdf\xa3", b"\0\0\0\x1cftypisom", header())


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(HEADS), st.binary(max_size=3_000), st.sampled_from(["mp3", "mp4", "ogg"]))
def test_any_bytes_end_in_text_or_in_an_error_of_ours(
    extract: Extract, head: bytes, content: bytes, suffix: str
) -> None:
    found = text_or_code(lambda: extract(head + content, f"a.{suffix}"))

    assert isinstance(found, AttachmentText) or found in WRONG | AT_ITS_LIMITS


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(["mp4", "ogg", "mp3"]), st.randoms())
def test_a_recording_with_some_bytes_changed_ends_in_text_or_in_an_error_of_ours(
    extract: Extract, kind: str, chance: random.Random
) -> None:
    changed = bytearray(_WHOLE[kind])
    for _ in range(20):
        changed[chance.randrange(len(changed))] = chance.randrange(256)

    found = text_or_code(lambda: extract(bytes(changed), f"a.{kind}"))

    assert isinstance(found, AttachmentText) or found in WRONG | AT_ITS_LIMITS


_SHORT = customer()[: 2 * RATE]
_WHOLE = {
    "mp4": encoded(_SHORT, "mp4", "aac", video="libx264"),
    "ogg": encoded(_SHORT, "ogg", "libopus", rate=48_000),
    "mp3": encoded(_SHORT, "mp3", "libmp3lame"),
}
