"""Where things may lie beside the project."""

from pathlib import Path

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"
