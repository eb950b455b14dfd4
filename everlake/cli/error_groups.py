"""Grouping of record errors that differ only in a position."""

import re

_INDEX = re.compile(r"\[\d+\]", re.ASCII)


def group_message(message: str) -> str:
    """Return an error's message without the positions in lists: ``[n]`` stands for each."""
    return _INDEX.sub("[n]", message)
