"""Everlake: a self-hosted ingestion API and data lake for customer conversations."""

from importlib.metadata import version

__version__ = version("everlake")
