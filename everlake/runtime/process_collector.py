"""Process metrics: memory and processor time of the machine's processes, from proc_pid_stat(5)."""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.metrics import ProcessSlot

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _START, _RESIDENT = 11, 12, 19, 21
"""Positions of the fields, counted from the one after the program's name."""


class ProcessCollector(Collector):
    """Collects memory and processor time of each process that holds a slot on this machine.

    Args:
        slot: the slot of this process; None when its metrics are its own.
    """

    def __init__(self, slot: ProcessSlot | None) -> None:
        self._slot = slot

    def collect(self) -> Iterable[Metric]:
        """Return three metrics with one sample a process; none on systems without /proc."""
        memory = GaugeMetricFamily(
            "everlake_process_resident_memory_bytes",
            "Resident memory of a process.",
            labels=["process"],
        )
        cpu = CounterMetricFamily(
            "everlake_process_cpu_seconds_total",
            "User and system processor time that a process has used.",
            labels=["process"],
        )
        start = GaugeMetricFamily(
            "everlake_process_start_time_seconds",
            "Start time of a process, in seconds of Unix time.",
            labels=["process"],
        )
        for name, pid in self._pids().items():
            try:
                text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
                booted = _boot_time()
            except (OSError, ValueError):
                continue
            fields = text.rpartition(")")[2].split()
            memory.add_metric([name], int(fields[_RESIDENT]) * _PAGE_BYTES)
            cpu.add_metric([name], (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_SECOND)
            start.add_metric([name], booted + int(fields[_START]) / _TICKS_PER_SECOND)
        return memory, cpu, start

    def _pids(self) -> dict[str, int]:
        return {"alone": os.getpid()} if self._slot is None else self._slot.live_processes()


def _boot_time() -> int:
    """Return when the system started, in seconds of Unix time."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    raise ValueError("/proc/stat has no btime")
