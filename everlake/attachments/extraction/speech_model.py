"""Directory of the transcription model, as the operator set it up."""

import importlib.util
from pathlib import Path

PACKAGES = ("faster_whisper", "ctranslate2", "av", "onnxruntime")
"""Import names of the packages that the extra ``speech`` installs."""

_FILES = ("model.bin", "config.json", "tokenizer.json")


def is_installed() -> bool:
    """Return whether the extra ``speech`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def missing_files(directory: Path) -> list[str]:
    """Return the files of a Whisper model for CTranslate2 that ``directory`` lacks."""
    missing = [name for name in _FILES if not (directory / name).is_file()]
    if not any(directory.glob("vocabulary.*")):
        missing.append("vocabulary.json")
    return missing


def readable_files(directory: Path) -> list[Path]:
    """Return the directory and its entries, for a process that may open nothing else.

    The entries are listed by name because those of the Hugging Face cache are links to files
    outside of the directory.

    Raises:
        OSError: there is no such directory.
    """
    return [directory, *directory.iterdir()]
