"""Version of the analysis."""

ANALYSIS_VERSION = 2
"""Version that derived rows carry.

It must be incremented with every change after which the same input gives other utterances.
:mod:`everlake.tables.analysis_versions` says how existing tables are then treated.
"""
