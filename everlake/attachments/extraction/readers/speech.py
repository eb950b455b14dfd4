"""Recordings: transcribes speech with Whisper, where the extra ``speech`` is installed."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, cast

from everlake.attachments.extraction.errors import TextCode, TextError
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers import audio
from everlake.attachments.extraction.speech_model import is_installed
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached
from everlake.attachments.extraction.types import TextKind, TranscriptionOptions

if TYPE_CHECKING:
    from everlake.attachments.extraction.readers.audio import AudioSegment, Samples

MISSING_EXTRA_MESSAGE = (
    "speech is not transcribed on this server: its operator can install Everlake's extra speech "
    "and set EVERLAKE_ATTACHMENT_SPEECH_MODEL; or attach a transcript as a VTT, SRT or text file"
)

_RESERVE_SHARE = 0.1
_MIN_RESERVE_SECONDS = 5.0
"""Part of the time limit that is left unused, since the model decodes half a minute at a time."""
_BEAM_SIZE = 5
_TEMPERATURES = (0.0, 0.4, 0.8)
_LANGUAGE_DETECTION_SEGMENTS = 4
_COLON = re.compile(r":(?=\s)")
_WARM_UP_LOUDNESS = 0.001
"""Loudness (root mean square, of 1) of the noise that a model gets to warm up."""


class SpeechSegment(Protocol):
    """What is said from ``start`` to ``end``, in seconds from the beginning of an audio segment."""

    start: float
    end: float
    text: str


class SpeechModel(Protocol):
    """The part of :class:`faster_whisper.WhisperModel` that is used here."""

    def transcribe(
        self, audio: "Samples", **options: Any
    ) -> tuple[Iterable[SpeechSegment], object]:
        """Return the segments, each decoded when it is requested, and information about them."""
        ...


class Transcriber(NamedTuple):
    """A loaded model, with all of its threads started.

    Attributes:
        model: the model.
        detect_speech: returns the parts in which someone speaks.
        max_seconds: length of a recording after which the rest is left out.
        started_at: when loading began, on the monotonic clock; it counts to the time limit.
    """

    model: SpeechModel
    detect_speech: "Callable[[Samples], list[object]]"
    max_seconds: float
    started_at: float


def load_transcriber(speech: TranscriptionOptions) -> Transcriber | None:
    """Load the model; return None where the extra is missing.

    All of its threads run when this returns, so that the process may then give up the right to
    start threads.

    Raises:
        TextError: the model cannot be loaded.
    """
    started_at = time.monotonic()
    if not is_installed():
        return None
    # Imported here, since they take a second and 200 MB, and most files are not recordings.
    import ctranslate2  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
    import numpy as np  # noqa: PLC0415
    from faster_whisper import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        WhisperModel,
        vad,
    )

    try:
        # The model samples at random where it is uncertain; a text should not depend on that.
        cast("Any", ctranslate2).set_random_seed(1)
        loaded = WhisperModel(
            speech.model,
            device="cpu",
            compute_type="int8",
            cpu_threads=speech.threads,
            num_workers=1,
            local_files_only=True,
        )
        model = cast("SpeechModel", loaded)
        vad.get_vad_model()
        noise = (
            np.random.default_rng(1)
            .normal(0, _WARM_UP_LOUDNESS, audio.SAMPLE_RATE)
            .astype(np.float32)
        )
        for _ in model.transcribe(noise, language="en", beam_size=_BEAM_SIZE, temperature=0)[0]:
            pass
    except Exception as error:
        raise TextError(
            TextCode.UNAVAILABLE,
            "the server's speech model cannot be loaded: its operator can run everlake doctor",
        ) from error
    detect_speech = cast("Callable[[Samples], list[object]]", vad.get_speech_timestamps)  # pyright: ignore[reportUnknownMemberType]
    return Transcriber(model, detect_speech, speech.max_seconds, started_at)


def read(
    file: BinaryIO, builder: TextBuilder, task: ExtractionTask, transcriber: Transcriber | None
) -> None:
    """Add what is said in a recording, as WebVTT cues with times from its beginning.

    The text ends shortly before the time limit. Speakers are not distinguished.

    Raises:
        TextError: the extra or the model is missing, or the recording is damaged or has no audio.
        TextLimitReached: the rest of the recording is left out.
    """
    if transcriber is None:
        raise TextError(TextCode.EXTRA_MISSING, MISSING_EXTRA_MESSAGE)
    seconds = task.limits.seconds
    end = transcriber.started_at + seconds - max(seconds * _RESERVE_SHARE, _MIN_RESERVE_SECONDS)
    builder.kind = TextKind.CAPTIONS
    header = "WEBVTT\n\n"
    for audio_segment in audio.audio_segments(file, transcriber.max_seconds):
        cues = "\n\n".join(_cues(transcriber, audio_segment, end))
        if cues:
            builder.add(header + cues)
            header = ""
        if time.monotonic() >= end:
            raise TextLimitReached


def webvtt_cue(offset: float, segment: SpeechSegment) -> str:
    """Return a segment as a WebVTT cue (W3C); empty if it has no text.

    Characters of markup are escaped, and so are marks in which the analysis sees speakers: a colon
    after a word, and a dash, chevron or bracket at the beginning.

    Args:
        offset: start of the audio segment in the recording, in seconds.
    """
    text = " ".join(segment.text.split())
    if not text:
        return ""
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&#62;")):
        text = text.replace(character, escaped)
    text = _COLON.sub("&#58;", text)
    if text[0].isascii() and not text[0].isalnum() and text[0] != "&":
        text = f"&#{ord(text[0])};{text[1:]}"
    start = max(0.0, segment.start)
    end = max(start, segment.end)
    return f"{_format_timestamp(offset + start)} --> {_format_timestamp(offset + end)}\n{text}"


def _format_timestamp(seconds: float) -> str:
    whole = round(seconds * 1_000)
    minutes, milliseconds = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds / 1_000:06.3f}"


def _cues(transcriber: Transcriber, audio_segment: "AudioSegment", end: float) -> Iterator[str]:
    """Yield the cues of an audio segment until ``end``, on the monotonic clock."""
    for segment in _transcribe(transcriber, audio_segment.samples):
        if cue := webvtt_cue(audio_segment.start, segment):
            yield cue
        if time.monotonic() >= end:
            return


def _transcribe(transcriber: Transcriber, samples: "Samples") -> Iterator[SpeechSegment]:
    """Yield what is said; nothing where no one speaks."""
    if not transcriber.detect_speech(samples):
        return
    # Five beams make fewer errors than one and take an eighth more time. The previous text is not
    # given to the model, which may repeat it for minutes. Silence is left out, in which the model
    # hears words.
    segments, _ = transcriber.model.transcribe(
        samples,
        beam_size=_BEAM_SIZE,
        temperature=_TEMPERATURES,
        condition_on_previous_text=False,
        vad_filter=True,
        language_detection_segments=_LANGUAGE_DETECTION_SEGMENTS,
    )
    yield from segments
