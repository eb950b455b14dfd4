"""Check that recordings can be transcribed."""

import threading
import wave
from pathlib import Path
from tempfile import NamedTemporaryFile

from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import ExtractionLimits, TranscriptionOptions

_SAMPLE_RATE = 16_000


def check_transcription(limits: ExtractionLimits, options: TranscriptionOptions) -> None:
    """Transcribe a second of silence, as a worker would.

    Raises:
        TextError: a recording could not be transcribed either.
        OSError: there is no space for a temporary file.
    """
    extractor = Extractor(limits, options)
    try:
        with NamedTemporaryFile(suffix=".wav") as file:
            with wave.open(file, "wb") as silence:
                silence.setnchannels(1)
                silence.setsampwidth(2)
                silence.setframerate(_SAMPLE_RATE)
                silence.writeframes(bytes(2 * _SAMPLE_RATE))
            file.flush()
            extractor.extract(
                Path(file.name), mime_type="audio/wav", filename=None, stop=threading.Event()
            )
    finally:
        extractor.close()
