"""Transcription of recordings, as the settings describe it."""

from everlake.attachments.extraction.speech_model import is_installed, missing_files
from everlake.attachments.extraction.types import ExtractionLimits, TranscriptionOptions
from everlake.extras import how_to_install
from everlake.settings import Settings, SettingsError, variable_name

_HOUR_SECONDS = 3_600


def load_transcription_options(settings: Settings) -> TranscriptionOptions | None:
    """Return how recordings are transcribed; None where they are not.

    Raises:
        SettingsError: the model is incomplete or missing, or the extra is not installed.
    """
    directory = settings.transcription.model_directory
    if directory is None or not settings.transcription.processes:
        return None
    named = f"{variable_name('attachment_speech_model')}={settings.transcription.model!r}"
    if not is_installed():
        raise SettingsError(
            f"{named}: transcription needs the extra speech, which is not installed: "
            + how_to_install("speech")
        )
    if not directory.is_dir():
        raise SettingsError(f"{named}: there is no directory {directory}")
    try:
        missing = missing_files(directory)
    except OSError as error:
        raise SettingsError(f"{named}: the directory cannot be read: {error}") from error
    if missing:
        raise SettingsError(
            f"{named}: this is not a Whisper model in the format of CTranslate2: "
            f"there is no {', no '.join(missing)}"
        )
    return TranscriptionOptions(
        model=str(directory),
        threads=settings.transcription.threads,
        max_seconds=settings.transcription.max_hours * _HOUR_SECONDS,
    )


def transcription_limits(settings: Settings) -> ExtractionLimits:
    """Return the limits of transcribing one recording."""
    return ExtractionLimits(
        seconds=settings.transcription.timeout,
        memory_bytes=settings.transcription.memory,
        max_characters=settings.extraction.max_characters,
        user_id=settings.extraction.user_id,
    )
