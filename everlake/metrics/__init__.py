"""Metrics: counters and histograms of a machine's processes, added up over all of them."""

from everlake.metrics.process_slots import ProcessSlot, acquire_slot
from everlake.metrics.registry import Metrics

__all__ = ["Metrics", "ProcessSlot", "acquire_slot"]
