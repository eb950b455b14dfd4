"""Progress of long commands: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeAlias

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from everlake.cli.console import err

_PRINT_INTERVAL = 5.0


class _SpeedColumn(ProgressColumn):
    def __init__(self, noun: str) -> None:
        super().__init__()
        self._noun = noun

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:,.0f} {self._noun}/s")


class ProgressBars:
    """Progress reporter that shows a bar for each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step: str | None = None
        self._task = TaskID(0)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show how far a step is; a new ``step`` ends the one before."""
        if step != self._step:
            self._finish_step()
            self._step = step
            self._task = self._progress.add_task(step, total=total)
        self._progress.update(self._task, completed=done, total=total)

    def _finish_step(self) -> None:
        if self._step is not None:
            task = next(each for each in self._progress.tasks if each.id == self._task)
            self._progress.update(self._task, total=task.completed, completed=task.completed)


class ProgressLines:
    """Progress reporter that prints a line for each step, and every few seconds."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._step: str | None = None
        self._started_at = self._printed_at = 0.0
        self._first = 0

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Print how far a step is, where it is time to."""
        now = time.monotonic()
        if step != self._step:
            self._step, self._started_at, self._printed_at, self._first = step, now, now, done
            err.print(step, markup=False)
        elif now - self._printed_at >= _PRINT_INTERVAL:
            self._printed_at = now
            err.print(f"{step}: {self._format_rate(done, total, now)}", markup=False)

    def _format_rate(self, done: int, total: int | None, now: float) -> str:
        speed = (done - self._first) / (now - self._started_at)
        if total is None or not speed:
            return f"{done:,} {self._noun}"
        left = max(0, total - done) / speed
        noun = self._noun
        return f"{done:,} of {total:,} {noun}, {speed:,.0f} {noun}/s, {left:,.0f} s left"


class NoProgress:
    """Progress reporter that shows nothing."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show nothing."""


ProgressReporter: TypeAlias = ProgressBars | ProgressLines | NoProgress


@contextmanager
def reporting_progress(*, quiet: bool, noun: str = "records") -> Generator[ProgressReporter]:
    """Show progress on standard error for the length of a block.

    The block calls the reporter with the name of the step, what is done of it, and its total.

    Args:
        quiet: whether to show nothing.
        noun: what is counted, in the plural.
    """
    if quiet:
        yield NoProgress()
    elif err.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _SpeedColumn(noun),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=err) as progress:
            yield ProgressBars(progress)
    else:
        yield ProgressLines(noun)
