"""Measurements, each beside a peer in the same run. ``python -m bench`` writes RESULTS.md."""
