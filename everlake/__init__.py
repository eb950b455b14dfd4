"""Everlake: a self-hosted ingestion API and data lake for customer conversations."""

import os
from importlib.metadata import version

__version__ = version("everlake")

# The lake's engine would write lines of its own between ours, which are JSON.
os.environ.setdefault("LANCE_LOG", "error")
