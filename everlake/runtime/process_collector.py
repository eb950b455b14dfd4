"""What the processes of the machine take of it, as Linux tells (proc_pid_stat(5))."""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.metrics.process_slots import ProcessSlot

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _START, _RESIDENT = 11, 12, 19, 21
"""Fields after the name of the program."""


class ProcessCollector(Collector):
    """Memory and processor time of each process that counts on this machine.

    Args:
        seat: the one of this process; None where it counts alone.
    """

    def __init__(self, slot: ProcessSlot | None) -> None:
        self._seat = slot

    def collect(self) -> Iterable[Metric]:
        """One sample a process of each metric; none where the system does not tell."""
        memory = GaugeMetricFamily(
            "everlake_process_resident_memory_bytes",
            "Memory that a process has in use.",
            labels=["process"],
        )
        cpu = CounterMetricFamily(
            "everlake_process_cpu_seconds_total",
            "Processor time that a process has used.",
            labels=["process"],
        )
        start = GaugeMetricFamily(
            "everlake_process_start_time_seconds",
            "When a process started, in seconds of Unix time.",
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
        return {"alone": os.getpid()} if self._seat is None else self._seat.live_processes()


def _boot_time() -> int:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    raise ValueError("the system does not tell when it started")
