"""Paths of optional data outside the repository."""

from pathlib import Path

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"
