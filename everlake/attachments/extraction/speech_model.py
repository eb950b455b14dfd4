"""The directory with the model that writes speech down, as its operator laid it."""

import importlib.util
from pathlib import Path

PACKAGES = ("faster_whisper", "ctranslate2", "av", "onnxruntime")
"""What the extra ``speech`` installs, as it is imported."""

_FILES = ("model.bin", "config.json", "tokenizer.json")


def is_installed() -> bool:
    """Whether the extra ``speech`` is."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def missing_files(directory: Path) -> list[str]:
    """Files that a Whisper model in the form of CTranslate2 has, and ``directory`` has not."""
    missing = [name for name in _FILES if not (directory / name).is_file()]
    if not any(directory.glob("vocabulary.*")):
        missing.append("vocabulary.json")
    return missing


def readable_files(directory: Path) -> list[Path]:
    """The directory and what lies in it, for whoever may open nothing else.

    By name, since a directory of the Hugging Face cache is full of links that lead out of it.

    Raises:
        OSError: there is no such directory.
    """
    return [directory, *directory.iterdir()]
