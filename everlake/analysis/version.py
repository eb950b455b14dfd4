"""Version of the analysis."""

ANALYSIS_VERSION = 1
"""Goes up by one with every change after which the same records give other utterances.

:mod:`everlake.tables.analysis_versions` says what that does to existing tables.
"""
