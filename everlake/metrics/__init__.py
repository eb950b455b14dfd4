"""What is counted of a machine's processes, and the page that Prometheus reads it from."""

from everlake.metrics.process_slots import ProcessSlot, acquire_slot
from everlake.metrics.registry import Metrics
from everlake.runtime.metrics_exposition import MEDIA_TYPE, MetricsExposition
from everlake.runtime.metrics_server import serve_metrics

__all__ = [
    "MEDIA_TYPE",
    "Metrics",
    "MetricsExposition",
    "ProcessSlot",
    "acquire_slot",
    "serve_metrics",
]
