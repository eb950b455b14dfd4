"""Progress of ``everlake send``: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from everlake.cli.console import err
from everlake.cli.send.summary import SendSummary
from everlake.client import ByteCounter, Throttle

_PRINT_INTERVAL = 5.0


class SendProgress:
    """Shows the progress on standard error.

    Args:
        byte_counter: counts the bytes read from the files.
        total: size of the files in bytes; None if unknown.
        quiet: show nothing.

    Attributes:
        throttle: of the requests, once there is one.
    """

    def __init__(self, byte_counter: ByteCounter, total: int | None, *, quiet: bool) -> None:
        self.throttle: Throttle | None = None
        self._byte_counter = byte_counter
        self._total = total
        self._quiet = quiet
        self._started = self._printed_at = time.monotonic()
        self._bar = Progress(
            TextColumn("sending"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=err,
            disable=quiet or not err.is_terminal,
        )
        self._task = self._bar.add_task("send", total=total, status="")

    @contextmanager
    def running(self) -> Generator[None]:
        """Show the bar within a block."""
        with self._bar:
            yield

    def update(self, summary: SendSummary) -> None:
        """Show the counts so far."""
        status = self._status(summary)
        self._bar.update(self._task, completed=self._byte_counter.count, status=status)
        now = time.monotonic()
        if not (self._quiet or err.is_terminal) and now - self._printed_at >= _PRINT_INTERVAL:
            self._printed_at = now
            self.print_line(status + self._read_share())

    def print_line(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if not self._quiet:
            self._bar.console.print(text, markup=False)

    def _status(self, summary: SendSummary) -> str:
        records = summary.accepted + summary.rejected
        limited = ", rate limited" if self.throttle and self.throttle.is_rate_limited else ""
        per_second = records / max(time.monotonic() - self._started, 0.001)
        return f"{records:,} records, {per_second:,.0f}/s, {summary.rejected:,} rejected{limited}"

    def _read_share(self) -> str:
        return f", {self._byte_counter.count / self._total:.0%} read" if self._total else ""
