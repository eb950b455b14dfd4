"""Retention of old table versions."""

from datetime import timedelta

VERSION_RETENTION = timedelta(minutes=10)
"""Age of versions that may be removed: readers may still use younger ones."""

CLEANUP_THRESHOLD = 64
"""Number of removable versions that makes a clean-up pay."""
