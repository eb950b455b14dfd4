"""What is said in recordings, by a real Whisper model of the smallest kind."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from everlake.attachments.extraction import (
    AttachmentText,
    ExtractionLimits,
    ExtractionStopped,
    Extractor,
    RecordingDetected,
    TextCode,
    TextError,
    TextKind,
    TranscriptionOptions,
    readers,
)
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.processes import SINGLE_THREAD
from everlake.attachments.extraction.readers import audio
from everlake.attachments.extraction.readers.speech import load_transcriber
from tests.support.extraction import (
    Extract,
    error_code_of,
    has_exited,
    reader_of,
)
from tests.support.recordings import (
    CUSTOMER,
    MODEL,
    RATE,
    SAID,
    Samples,
    customer,
    encoded,
    silence,
)

LIMITS = ExtractionLimits(seconds=150, memory_bytes=2**31)
FORMS = {
    "call.wav": {"container": "wav", "codec": "pcm_s16le"},
    "call.mp3": {"container": "mp3", "codec": "libmp3lame", "rate": 44_100, "layout": "stereo"},
    "call.m4a": {"container": "ipod", "codec": "aac", "rate": 44_100},
    "call.flac": {"container": "flac", "codec": "flac"},
    "call.aac": {"container": "adts", "codec": "aac", "rate": 44_100},
    "meeting.mp4": {"container": "mp4", "codec": "aac", "rate": 48_000, "video": "libx264"},
    "meeting.webm": {"container": "webm", "codec": "libopus", "rate": 48_000, "video": "libvpx"},
    "meeting.avi": {"container": "avi", "codec": "libmp3lame", "rate": 44_100, "video": "mpeg4"},
}
_TIMES = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})")


@pytest.fixture(scope="module")
def listener() -> Generator[Extractor]:
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL))
    yield extractor
    extractor.close()


@pytest.fixture
def extract(listener: Extractor, tmp_path: Path) -> Extract:
    def extract(content: bytes, filename: str = "call.wav") -> AttachmentText:
        return read(listener, tmp_path, content, filename)

    return extract


def read(
    extractor: Extractor, folder: Path, content: bytes, filename: str = "call.wav"
) -> AttachmentText:
    path = folder / "content"
    path.write_bytes(content)
    return extractor.extract(path, mime_type="", filename=filename, stop=threading.Event())


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def heard(text: AttachmentText) -> list[str]:
    """The words of all cues."""
    assert text.kind is TextKind.CAPTIONS
    lines = "\n".join(one.text for one in text.sections).splitlines()
    return plain(" ".join(one for one in lines if "-->" not in one and one != "WEBVTT"))


def times(text: AttachmentText) -> list[tuple[float, float]]:
    """When each cue begins and ends, in seconds."""
    return [
        (
            int(one[0]) * 3_600 + int(one[1]) * 60 + float(one[2]),
            int(one[3]) * 3_600 + int(one[4]) * 60 + float(one[5]),
        )
        for section in text.sections
        for one in _TIMES.findall(section.text)
    ]


def wav(*parts: Samples) -> bytes:
    return encoded(np.concatenate(parts), "wav", "pcm_s16le")


@pytest.mark.parametrize("name", FORMS)
def test_what_is_said_is_written_down(extract: Extract, name: str) -> None:
    text = extract(encoded(customer(), **FORMS[name]), name)

    assert heard(text) == plain(SAID)
    assert not text.truncated
    assert times(text)[0][0] < 1
    assert 9 < times(text)[-1][1] < 11


def test_an_ogg_with_opus_is_written_down(extract: Extract) -> None:
    assert heard(extract(CUSTOMER.read_bytes(), "call.ogg")) == plain(SAID)


def test_a_recording_gives_the_same_text_each_time(extract: Extract) -> None:
    noisy = customer() + np.random.default_rng(1).normal(0, 0.2, len(customer()))
    content = encoded(noisy.astype(np.float32), "wav", "pcm_s16le")

    assert extract(content) == extract(content)


def test_a_recording_is_known_by_its_bytes(extract: Extract) -> None:
    assert heard(extract(encoded(customer(), "flac", "flac"), "report.pdf")) == plain(SAID)


def test_what_is_no_recording_is_read_as_what_it_is(extract: Extract) -> None:
    [section] = extract(b"Hello", "hello.txt").sections

    assert section.text == "Hello"


def test_times_are_those_of_the_whole_recording(extract: Extract) -> None:
    text = extract(wav(silence(270), customer(), silence(20), customer()))

    assert heard(text) == plain(SAID) * 2
    assert len(text.sections) == 2
    starts = [start for start, _ in times(text)]
    assert starts == sorted(starts)
    assert 269 < starts[0] < 272
    assert any(299 < start < 302 for start in starts)


@pytest.mark.parametrize("level", [0, 0.05])
def test_where_nobody_speaks_there_is_nothing_to_read(extract: Extract, level: float) -> None:
    noise = np.random.default_rng(1).normal(0, 1, 30 * RATE).astype(np.float32) * level

    assert extract(wav(noise)) == AttachmentText(kind=TextKind.CAPTIONS, sections=())


def test_so_much_is_written_down_and_no_more(tmp_path: Path) -> None:
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL, max_seconds=11))
    text = read(extractor, tmp_path, wav(customer(), silence(5), customer()))
    extractor.close()

    assert heard(text) == plain(SAID)
    assert text.truncated


def test_what_is_written_down_when_the_time_is_up_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(*[customer(), silence(2)] * 30))
    speech = TranscriptionOptions(model=MODEL)
    listener = load_transcriber(speech)
    assert listener is not None
    late = listener._replace(started_at=listener.started_at - LIMITS.seconds)
    task = ExtractionTask(mime_type="audio/wav", filename=None, limits=LIMITS, speech=speech)
    with (tmp_path / "a.wav").open("rb") as file:
        text = readers.extract_text(file, task, late)

    assert text.truncated
    assert len(times(text)) == 1
    assert heard(text)[:5] == plain(SAID)[:5]


def test_two_threads_write_down_the_same(tmp_path: Path) -> None:
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL, threads=2))
    text = read(extractor, tmp_path, CUSTOMER.read_bytes())
    extractor.close()

    assert heard(text) == plain(SAID)


def test_a_recording_larger_than_other_files_may_be_is_read(tmp_path: Path) -> None:
    limits = ExtractionLimits(seconds=150, memory_bytes=2**31, max_file_bytes=1_000)
    extractor = Extractor(limits, TranscriptionOptions(model=MODEL))
    text = read(extractor, tmp_path, CUSTOMER.read_bytes(), "call.ogg")
    extractor.close()

    assert heard(text) == plain(SAID)


def test_without_a_model_a_recording_says_what_to_do(tmp_path: Path) -> None:
    extractor = Extractor(LIMITS)
    with pytest.raises(RecordingDetected, match=r"extra speech.*_SPEECH_MODEL.*VTT") as caught:
        read(extractor, tmp_path, CUSTOMER.read_bytes(), "call.ogg")
    extractor.close()

    assert (caught.value.code, caught.value.retryable) == (TextCode.EXTRA_MISSING, False)


@pytest.mark.parametrize("package", ["faster_whisper", "av"])
def test_without_the_extra_a_recording_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """With a launcher whose Python does not find one of the packages."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as it\n"
        "find = it.find_spec\n"
        f"it.find_spec = lambda name, *a: None if name == {package!r} else find(name, *a)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL))
    with pytest.raises(TextError, match=r"extra speech") as caught:
        read(extractor, tmp_path, CUSTOMER.read_bytes(), "call.ogg")
    extractor.close()

    assert caught.value.code is TextCode.EXTRA_MISSING


@pytest.mark.parametrize("harm", ["no directory", "no model", "cut off"])
def test_a_model_that_cannot_be_loaded_is_no_fault_of_the_file(tmp_path: Path, harm: str) -> None:
    model = tmp_path / "model"
    if harm != "no directory":
        model.mkdir()
    if harm == "cut off":
        for file in Path(MODEL).iterdir():
            (model / file.name).write_bytes(file.read_bytes()[:100_000])
    extractor = Extractor(LIMITS, TranscriptionOptions(model=str(model)))
    with pytest.raises(TextError) as caught:
        read(extractor, tmp_path, CUSTOMER.read_bytes(), "call.ogg")
    extractor.close()

    assert (caught.value.code, caught.value.retryable) == (TextCode.UNAVAILABLE, True)


def test_a_model_may_be_links_to_files_elsewhere(tmp_path: Path) -> None:
    model = tmp_path / "snapshot"
    model.mkdir()
    for file in Path(MODEL).iterdir():
        (model / file.name).symlink_to(file)
    extractor = Extractor(LIMITS, TranscriptionOptions(model=str(model)))
    text = read(extractor, tmp_path, CUSTOMER.read_bytes(), "call.ogg")
    extractor.close()

    assert heard(text) == plain(SAID)


def test_writing_down_is_ended_when_it_is_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(wav(*[customer()] * 60))
    extractor = Extractor(LIMITS, TranscriptionOptions(model=MODEL))
    stop = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            extractor.extract(path, mime_type="audio/wav", filename=None, stop=stop)
        except ExtractionStopped as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while extractor._launcher is None:
        pass
    reader = reader_of(extractor)
    stop.set()
    thread.join()

    assert len(ended) == 1
    assert has_exited(reader)
    extractor.close()


AS_A_USER = (
    ["setpriv", "--ruid=65534", "--bounding-set=-sys_admin,-sys_resource", "--inh-caps=-all"]
    if os.geteuid() == 0
    else []
)
"""Nobody's processes, which no limit lets pass as it does those of root."""

CONFINED = """
import os, socket, subprocess, sys, threading
from pathlib import Path
from everlake.attachments.extraction import sandbox
from everlake.attachments.extraction.text_builder import TextBuilder
from everlake.attachments.extraction.types import ExtractionLimits, TranscriptionOptions
from everlake.attachments.extraction.readers import speech
from everlake.attachments.extraction.speech_model import readable_files
from everlake.attachments.extraction.ipc import ExtractionTask
recording, model, other, process, port, threads = sys.argv[1:]
sandbox.restrict_launcher()
reader = os.fork()
if reader:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
def refused(what):
    try:
        what()
    except (OSError, RuntimeError):
        return True
    return False
file = open(recording, "rb")
sandbox.confine(os.getppid(), 100, 2**31, readable=readable_files(Path(model)))
told = TranscriptionOptions(model=model, threads=int(threads))
listener = speech.load_transcriber(told)
sandbox.forbid_new_processes()
assert refused(threading.Thread(target=print).start), "starts a thread"
assert refused(lambda: subprocess.run([sys.executable, "-V"])), "starts a program"
assert refused(os.fork), "starts a process"
found = TextBuilder(10_000)
limits = ExtractionLimits(seconds=100)
task = ExtractionTask(mime_type="", filename=None, limits=limits, speech=told)
speech.read(file, found, task, listener)
assert "quarter" in found.build().sections[0].text
def beyond():
    assert refused(lambda: open(other)), "reads a file"
    assert refused(lambda: open(model + "/model.bin", "r+b")), "writes to the model"
    assert refused(lambda: open(model + "/more", "w")), "writes beside the model"
    assert refused(lambda: os.listdir(os.path.dirname(other))), "lists a directory"
    assert refused(lambda: open("/etc/passwd")), "reads /etc/passwd"
    assert refused(lambda: open(f"/proc/{process}/environ")), "reads an environment"
    assert refused(lambda: os.kill(int(process), 0)), "reaches a process"
    assert refused(lambda: socket.create_connection(("127.0.0.1", int(port)))), "connects"
beyond()
os._exit(0)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_what_listens_starts_nothing_opens_nothing_and_reaches_nothing(
    tmp_path: Path, threads: int
) -> None:
    import socket  # noqa: PLC0415

    other = tmp_path / "other"
    other.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = [CUSTOMER, MODEL, other, os.getpid(), port, threads]
        ended = subprocess.run(
            [*AS_A_USER, sys.executable, "-c", CONFINED, *map(str, told)],
            cwd=tmp_path,
            env={**os.environ, **SINGLE_THREAD},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_other_files_are_read_with_no_thread_allowed(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from everlake.attachments.extraction import readers, sandbox\n"
        "sandbox.restrict_launcher()\n"
        "sandbox.confine(os.getppid(), 1, 2**30)\n"
        "sandbox.forbid_new_processes()\n"
        "try: os.fork()\n"
        "except OSError: os._exit(0)\n"
        "os._exit(1)\n"
    )

    assert subprocess.run([*AS_A_USER, sys.executable, "-c", code], check=False).returncode == 0


def test_a_piece_is_cut_where_it_is_quietest() -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 20 * RATE).astype(np.float32)
    samples[12 * RATE : 13 * RATE] *= 0.01

    assert 12 * RATE < audio.quietest_position(samples) < 13 * RATE


def test_no_sample_is_lost_or_doubled_where_pieces_are_cut(tmp_path: Path) -> None:
    content = wav(*[customer(), silence(1)] * 60)
    (tmp_path / "a.wav").write_bytes(content)
    with (tmp_path / "a.wav").open("rb") as file:
        found = [(one.start, one.samples.copy()) for one in audio.audio_segments(file, 10_000)]

    whole = np.concatenate([samples for _, samples in found])
    expected = np.concatenate([customer(), silence(1)] * 60)
    assert len(found) == 3
    assert len(whole) == len(expected)
    assert np.abs(whole - expected).max() < 0.001
    assert [round(start * RATE) for start, _ in found[1:]] == [
        len(found[0][1]),
        len(found[0][1]) + len(found[1][1]),
    ]
    for _, samples in found[:-1]:
        assert np.abs(samples[-RATE // 10 :]).max() < 0.01


def test_code_of_a_recording_that_is_none(extract: Extract) -> None:
    assert error_code_of(lambda: extract(b"ID3\x03\0\0", "call.mp3")) is TextCode.DAMAGED
