"""Audio of recordings, as samples for a speech model (PyAV, that is FFmpeg)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

from everlake.attachments.extraction.errors import TextCode, TextError, damaged_file
from everlake.attachments.extraction.text_builder import TextLimitReached

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

SAMPLE_RATE = 16_000
"""Samples a second, as Whisper expects them."""

_SEGMENT_SAMPLES = 300 * SAMPLE_RATE
"""Twice as many take 400 MB more memory and no less time to transcribe."""
_SEARCH_SAMPLES = 20 * SAMPLE_RATE
"""End of a segment in which a pause is searched for."""
_WINDOW_SAMPLES = SAMPLE_RATE // 50
_PAUSE_WINDOWS = 15
"""Windows that make a pause: 0.3 seconds."""
_VALID_SAMPLE_RATES = range(4_000, 400_000)
_MAX_FORMAT_CHANGES = 10_000

# Formats of recorders, telephones and meetings. None of them refers to other files, as playlists,
# lists of files, session descriptions and numbered images do.
_CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,asf,au,avi,caf,eac3,flac,flv,matroska,webm,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,w64,wav"
)
_DECODERS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,alac,amrnb,"
    "amrwb,eac3,flac,g722,g726,gsm,gsm_ms,libopencore_amrnb,libopencore_amrwb,"
    "libopus,mp2,mp2float,mp3,mp3float,nellymoser,opus,pcm_alaw,pcm_f32be,pcm_f32le,"
    "pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,"
    "pcm_s32le,pcm_s8,pcm_u8,speex,vorbis,wmapro,wmav1,wmav2,wmavoice"
)
_OPTIONS = {
    "format_whitelist": _CONTAINERS,
    "codec_whitelist": _DECODERS,
    "protocol_whitelist": "none",
}


class AudioSegment(NamedTuple):
    """Some minutes of a recording; ``start`` is in seconds from the recording's beginning."""

    start: float
    samples: "Samples"


def audio_segments(file: BinaryIO, max_seconds: float) -> Iterator[AudioSegment]:
    """Yield the audio of a recording in segments of at most five minutes, cut in pauses.

    The samples of a segment are valid until the next one is requested. Only the track that is
    marked as the main one is decoded, or else the first; parts that cannot be decoded are left
    out. The length that the file states is ignored.

    Raises:
        TextError: the recording is damaged, or has no audio.
        TextLimitReached: it goes on after ``max_seconds``.
    """
    from av import __version__, logging, open  # noqa: A004, PLC0415
    from av.error import FFmpegError  # noqa: PLC0415

    logging.set_level(logging.PANIC)
    # Titles are often not Unicode; PyAV 19 and later need no option for that.
    older = int(__version__.partition(".")[0]) < 19
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if older else {}
    try:
        opened = open(file, "r", options=_OPTIONS, io_open=_refuse_open, **lenient)
    except (FFmpegError, ValueError, OSError) as error:
        _reraise_memory_error(error)
        raise damaged_file("it is not a recording that can be opened") from error
    with opened as container:
        track = _audio_stream(container)
        yield from _split(
            _resample(_decoded_frames(container, track)), int(max_seconds * SAMPLE_RATE)
        )


def quietest_position(samples: "Samples") -> int:
    """Return the index in ``samples`` of the middle of the quietest 0.3 seconds."""
    import numpy as np  # noqa: PLC0415

    steps = len(samples) // _WINDOW_SAMPLES
    loudness = np.square(samples[: steps * _WINDOW_SAMPLES].reshape(steps, _WINDOW_SAMPLES)).mean(
        axis=1
    )
    around = np.convolve(loudness, np.ones(_PAUSE_WINDOWS), "valid")
    return (int(around.argmin()) + _PAUSE_WINDOWS // 2) * _WINDOW_SAMPLES


def _refuse_open(*_: object) -> None:
    raise PermissionError("a recording is one file")


def _reraise_memory_error(error: BaseException) -> None:
    if isinstance(error, MemoryError):
        raise error


def _audio_stream(container: "InputContainer") -> "AudioStream":
    found = container.streams.best("audio")
    if found is None or found.type != "audio":
        raise TextError(
            TextCode.UNSUPPORTED,
            "the recording has no audio track, so that there is nothing to transcribe",
        )
    track: AudioStream = found  # type: ignore[assignment] # as its type says
    if track.codec_context.name not in _DECODERS.split(","):
        raise TextError(
            TextCode.UNSUPPORTED,
            "the audio of the recording has an encoding that is not supported: save it as MP3, "
            "M4A, Ogg or WAV",
        )
    track.codec_context.thread_count = 1
    return track


def _decoded_frames(container: "InputContainer", track: "AudioStream") -> Iterator["AudioFrame"]:
    from av.error import FFmpegError  # noqa: PLC0415

    decoded = False
    packets = container.demux(track)
    while True:
        try:
            packet = next(packets, None)
        except (FFmpegError, ValueError, OSError) as error:  # it is cut off here
            _reraise_memory_error(error)
            packet = None
        if packet is None:
            break
        try:
            frames = packet.decode()
        except (FFmpegError, ValueError) as error:
            _reraise_memory_error(error)
            continue
        for frame in frames:
            decoded = True
            yield frame
    if not decoded:
        raise damaged_file("its audio cannot be decoded")


def _resample(frames: Iterable["AudioFrame"]) -> Iterator["Samples"]:
    """Yield one channel at :data:`SAMPLE_RATE`; a file may change its format as it goes on."""
    from av import AudioResampler  # noqa: PLC0415

    current: tuple[object, ...] | None = None
    resampler: AudioResampler | None = None
    changes = 0
    for frame in frames:
        if frame.sample_rate not in _VALID_SAMPLE_RATES:
            raise damaged_file("it has a sample rate that no recording has")
        found = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if resampler is None or found != current:
            changes += 1
            if changes > _MAX_FORMAT_CHANGES:
                raise damaged_file("its audio changes its format too often")
            if resampler is not None:
                yield from map(_to_samples, resampler.resample(None))
            resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            current = found
        frame.pts = None
        yield from map(_to_samples, resampler.resample(frame))
    if resampler is not None:
        yield from map(_to_samples, resampler.resample(None))


def _to_samples(frame: "AudioFrame") -> "Samples":
    """Return the samples of a frame, all of them from -1 to 1."""
    import numpy as np  # noqa: PLC0415

    samples: Samples = frame.to_ndarray()[0]
    return np.clip(np.nan_to_num(samples, posinf=0, neginf=0), -1, 1)


def _split(parts: Iterable["Samples"], max_samples: int) -> Iterator[AudioSegment]:
    import numpy as np  # noqa: PLC0415

    buffer = np.empty(_SEGMENT_SAMPLES, np.float32)
    filled = start = 0
    for part in parts:
        left = part
        while len(left):
            if start + filled == max_samples:
                if filled:
                    yield AudioSegment(start / SAMPLE_RATE, buffer[:filled])
                raise TextLimitReached
            room = min(_SEGMENT_SAMPLES - filled, max_samples - start - filled)
            taken = left[:room]
            buffer[filled : filled + len(taken)] = taken
            filled += len(taken)
            left = left[len(taken) :]
            if filled == _SEGMENT_SAMPLES:
                end = (
                    _SEGMENT_SAMPLES
                    - _SEARCH_SAMPLES
                    + quietest_position(buffer[-_SEARCH_SAMPLES:])
                )
                yield AudioSegment(start / SAMPLE_RATE, buffer[:end])
                rest = buffer[end:].copy()
                buffer[: len(rest)] = rest
                start += end
                filled = len(rest)
    if filled:
        yield AudioSegment(start / SAMPLE_RATE, buffer[:filled])
