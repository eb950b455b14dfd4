"""What writes down speech, as the settings say."""

import threading
import wave
from pathlib import Path
from tempfile import NamedTemporaryFile

from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.speech_model import is_installed, missing_files
from everlake.attachments.extraction.types import ExtractionLimits, TranscriptionOptions
from everlake.settings import Settings, SettingsError, variable_name

_HOUR_SECONDS = 3_600
_SAMPLE_RATE = 16_000


def load_transcription_options(settings: Settings) -> TranscriptionOptions | None:
    """Return when speech can be written down as the settings say; None where none is to be.

    Raises:
        SettingsError: the model is not there, or the extra is not installed.
    """
    directory = settings.transcription.model_directory
    if directory is None or not settings.transcription.processes:
        return None
    named = f"{variable_name('attachment_speech_model')}={settings.transcription.model!r}"
    if not is_installed():
        raise SettingsError(f"{named}: speech needs an extra: install everlake[speech]")
    if not directory.is_dir():
        raise SettingsError(f"{named}: there is no directory {directory}")
    try:
        missing = missing_files(directory)
    except OSError as error:
        raise SettingsError(f"{named}: the directory cannot be read: {error}") from error
    if missing:
        raise SettingsError(
            f"{named}: that is no Whisper model in the form of CTranslate2: "
            f"there is no {', no '.join(missing)}"
        )
    return TranscriptionOptions(
        model=str(directory),
        threads=settings.transcription.threads,
        max_seconds=settings.transcription.max_hours * _HOUR_SECONDS,
    )


def try_transcription(settings: Settings, options: TranscriptionOptions) -> None:
    """Have a second of silence written down, as a worker would have it.

    Raises:
        TextError: a recording could not be read either.
        OSError: there is no room for a file of it.
    """
    extractor = Extractor(transcription_limits(settings), options)
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


def transcription_limits(settings: Settings) -> ExtractionLimits:
    """Bounds of writing down one recording."""
    return ExtractionLimits(
        seconds=settings.transcription.timeout,
        memory_bytes=settings.transcription.memory,
        max_characters=settings.extraction.max_characters,
    )
