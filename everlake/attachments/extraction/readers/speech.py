"""Speech in recordings, written down by Whisper, where the extra ``speech`` is installed."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, cast

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers import audio
from everlake.attachments.extraction.speech_model import is_installed
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached
from everlake.attachments.extraction.types import (
    TextCode,
    TextError,
    TextKind,
    TranscriptionOptions,
)

if TYPE_CHECKING:
    from everlake.attachments.extraction.readers.audio import AudioSegment, Samples

MISSING_EXTRA_MESSAGE = (
    "speech is not written down on this server: its operator can install everlake[speech] and set "
    "EVERLAKE_ATTACHMENT_SPEECH_MODEL; or attach a transcript as a VTT, SRT or text file"
)

_RESERVE_SHARE = 0.1
_MIN_RESERVE_SECONDS = 5.0
"""Of the time that a recording may take: half a minute of speech may take so long at once."""
_BEAM_SIZE = 5
_TEMPERATURES = (0.0, 0.4, 0.8)
_LANGUAGE_DETECTION_SEGMENTS = 4
_COLON = re.compile(r":(?=\s)")
_WARM_UP_LOUDNESS = 0.001
"""The loudness (root mean square, of 1) that is given to a model for its first turn."""


class SpeechSegment(Protocol):
    """What was said from ``start`` to ``end``, seconds into a piece."""

    start: float
    end: float
    text: str


class SpeechModel(Protocol):
    """That part of :class:`faster_whisper.WhisperModel` that is used here."""

    def transcribe(
        self, audio: "Samples", **options: Any
    ) -> tuple[Iterable[SpeechSegment], object]:
        """The segments, each found when it is asked for."""
        ...


class Transcriber(NamedTuple):
    """A model that is loaded, with all of its threads started."""

    model: SpeechModel
    detect_speech: "Callable[[Samples], list[object]]"
    """Where somebody speaks."""
    max_seconds: float
    started_at: float
    """When loading it began: it is loaded in the time of its recording."""


def load_transcriber(speech: TranscriptionOptions) -> Transcriber | None:
    """Load the model; None where the extra is missing.

    All threads that it will ever need run when this returns: afterwards the process may forbid
    itself to start any.

    Raises:
        TextError: the directory has no model that can be loaded.
    """
    begun = time.monotonic()
    if not is_installed():
        return None
    # Imported here, since they take a second and 200 MB, and most files are no recordings.
    import ctranslate2  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
    import numpy as np  # noqa: PLC0415
    from faster_whisper import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        WhisperModel,
        vad,
    )

    try:
        # Where the model tries its luck, it is to have the same luck each time.
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
        hum = (
            np.random.default_rng(1)
            .normal(0, _WARM_UP_LOUDNESS, audio.SAMPLE_RATE)
            .astype(np.float32)
        )
        for _ in model.transcribe(hum, language="en", beam_size=_BEAM_SIZE, temperature=0)[0]:
            pass
    except Exception as error:
        raise TextError(
            TextCode.UNAVAILABLE,
            "the server's model for speech cannot be loaded: everlake doctor tells its operator "
            "more",
        ) from error
    find = cast("Callable[[Samples], list[object]]", vad.get_speech_timestamps)  # pyright: ignore[reportUnknownMemberType]
    return Transcriber(model, find, speech.max_seconds, begun)


def read(
    file: BinaryIO, builder: TextBuilder, task: ExtractionTask, transcriber: Transcriber | None
) -> None:
    """What is said in a recording, as WebVTT cues with their times in the whole of it.

    Where the time runs out, that is what the text ends with. Speakers are not told apart.

    Raises:
        TextError: the extra or the model is missing, the recording is damaged or has no sound.
    """
    if transcriber is None:
        raise TextError(TextCode.EXTRA_MISSING, MISSING_EXTRA_MESSAGE)
    seconds = task.limits.seconds
    end = transcriber.started_at + seconds - max(seconds * _RESERVE_SHARE, _MIN_RESERVE_SECONDS)
    builder.kind = TextKind.CAPTIONS
    head = "WEBVTT\n\n"
    for piece in audio.audio_segments(file, transcriber.max_seconds):
        cues = "\n\n".join(_cues(transcriber, piece, end))
        if cues:
            builder.add(head + cues)
            head = ""
        if time.monotonic() >= end:
            raise TextLimitReached


def webvtt_cue(offset: float, segment: SpeechSegment) -> str:
    """A segment as a WebVTT cue (W3C); empty if nothing is said in it.

    What is said is no markup, and nobody's name stands before a colon in it: "Note: ..." is
    said like anything else.
    """
    text = " ".join(segment.text.split())
    if not text:
        return ""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, written)
    text = _COLON.sub("&#58;", text)
    start = max(0.0, segment.start)
    end = max(start, segment.end)
    return f"{_format_timestamp(offset + start)} --> {_format_timestamp(offset + end)}\n{text}"


def _format_timestamp(seconds: float) -> str:
    whole = round(seconds * 1_000)
    minutes, milliseconds = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds / 1_000:06.3f}"


def _cues(transcriber: Transcriber, piece: "AudioSegment", end: float) -> Iterator[str]:
    """The cues of a piece, as far as the time allows."""
    for segment in _transcribe(transcriber, piece.samples):
        if written := webvtt_cue(piece.start, segment):
            yield written
        if time.monotonic() >= end:
            return


def _transcribe(transcriber: Transcriber, samples: "Samples") -> Iterator[SpeechSegment]:
    """The segments of a piece, none where nobody speaks."""
    if not transcriber.detect_speech(samples):
        return
    # Five beams hear more than one, for an eighth more time; what was said before is not
    # shown to the model, since it may then repeat that for minutes; what is quiet is left out,
    # since it hears words in it.
    segments, _ = transcriber.model.transcribe(
        samples,
        beam_size=_BEAM_SIZE,
        temperature=_TEMPERATURES,
        condition_on_previous_text=False,
        vad_filter=True,
        language_detection_segments=_LANGUAGE_DETECTION_SEGMENTS,
    )
    yield from segments
