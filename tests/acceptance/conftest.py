"""Tests on real conversations are collected only where those lie beside the project."""

from tests.support.shared_data import REAL_DATA

collect_ignore = (
    [] if REAL_DATA.is_dir() else ["test_real_conversations.py", "test_real_utterances.py"]
)
