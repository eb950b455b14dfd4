"""Analysis: pure functions from records and texts to utterances (who said what, and when)."""

from everlake.analysis.attachment_text import attachment_utterances, recording_start_ms
from everlake.analysis.utterances import extract_utterances
from everlake.analysis.version import ANALYSIS_VERSION

__all__ = [
    "ANALYSIS_VERSION",
    "attachment_utterances",
    "extract_utterances",
    "recording_start_ms",
]
