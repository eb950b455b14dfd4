"""What ``everlake send`` tells: how far it is, and what became of the records."""

import re
import time
from collections.abc import Generator
from contextlib import contextmanager

import msgspec
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from everlake.cli.console import counted, err, out, print_table
from everlake.client.delivery import Outcome
from everlake.client.records import Refused, Unread
from everlake.client.sources import Taken
from everlake.contract.limits import ERRORS_SHOWN

_PLACE = re.compile(r"\[\d+\]", re.ASCII)
_LINE_SECONDS = 5.0
_MOST_KINDS = 1_000
_KINDS_SHOWN = 20
_NAMES_SHOWN = 5


class ShownError(msgspec.Struct, frozen=True):
    """One error of one record. ``index`` counts from 0 over all records of the run."""

    index: int
    file: str
    line: int
    code: str
    message: str


class Sent(msgspec.Struct):
    """What became of everything that was sent, as ``--json`` prints it.

    ``errors`` are the first 20 by index. ``unread`` are sentences on files of which something
    could not be read, ``left_out`` files of directories that are none of records, ``unfinished``
    batches that did not become ``COMPLETE``.
    """

    batches: list[str] = []
    accepted: int = 0
    replayed: int = 0
    rejected: int = 0
    errors: list[ShownError] = []
    unread: list[str] = []
    left_out: list[str] = []
    unfinished: list[str] = []

    @property
    def is_well(self) -> bool:
        """Whether everything was read and accepted, and is ``COMPLETE`` as far as was waited."""
        return not (self.rejected or self.unread or self.unfinished)


class _Kind(msgspec.Struct):
    """Errors with one code and one sentence."""

    count: int
    first: str


class Tally:
    """Adds up what becomes of records."""

    def __init__(self) -> None:
        self.sent = Sent()
        self.shown = 0
        """Errors that the kinds count."""
        self.errors = 0
        self.unknown = 0
        """Refused records of which nobody said which they are."""
        self.too_long = 0
        """Refused records whose text was too long to be held."""
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def add(self, each: Outcome | Refused | Unread) -> None:
        """Count what became of some records."""
        if isinstance(each, Unread):
            self.sent.unread.append(each.message)
        elif isinstance(each, Refused):
            self.sent.rejected += 1
            self.errors += len(each.errors)
            self.too_long += each.payload is None
            self._add_errors(each)
        else:
            self.sent.batches += each.batches
            self.sent.accepted += each.accepted
            self.sent.replayed += each.replayed
            self.sent.rejected += each.rejected
            self.errors += each.errors
            self.unknown += each.rejected - len(each.refused)
            for refused in each.refused:
                self._add_errors(refused)

    def _add_errors(self, refused: Refused) -> None:
        place = refused.place
        for code, message in refused.errors:
            self.shown += 1
            self._show(ShownError(place.order, place.name, place.line, code, message))
            # Which one of a list breaks the rule makes no other kind of error.
            sentence = _PLACE.sub("[n]", message)
            kind = self._kinds.get((code, sentence))
            if kind is not None:
                kind.count += 1
            elif len(self._kinds) < _MOST_KINDS:
                self._kinds[code, sentence] = _Kind(1, str(place))

    def _show(self, error: ShownError) -> None:
        errors = self.sent.errors
        if len(errors) < ERRORS_SHOWN or error.index < errors[-1].index:
            errors.append(error)
            errors.sort(key=lambda each: each.index)
            del errors[ERRORS_SHOWN:]

    def say(self, *, dry_run: bool) -> None:
        """Print the counts, and why records were refused."""
        sent = self.sent
        if dry_run:
            out.print(f"{sent.accepted:,} would be accepted, {sent.rejected:,} refused")
        else:
            batches = counted(len(sent.batches), "batch")
            out.print(f"{sent.accepted:,} accepted, {sent.rejected:,} refused, {batches}")
        if sent.replayed:
            out.print(f"{sent.replayed:,} of the accepted had been sent before")
        if self._kinds:
            self._say_why()

    def _say_why(self) -> None:
        kinds = sorted(self._kinds.items(), key=lambda item: -item[1].count)
        print_table(
            ("COUNT", "CODE", "FIRST AT", "WHY"),
            [
                (f"{kind.count:,}", code, kind.first, sentence)
                for (code, sentence), kind in kinds[:_KINDS_SHOWN]
            ],
        )
        if len(kinds) > _KINDS_SHOWN:
            out.print(f"and {len(kinds) - _KINDS_SHOWN:,} more kinds of errors")
        if self.shown < self.errors:
            out.print(
                f"These are {self.shown:,} of {self.errors:,} errors: an answer shows no more than "
                f"{ERRORS_SHOWN}. everlake batches errors counts all of a batch."
            )


def say_left_out(left_out: list[str]) -> None:
    """Name the files of directories that are not sent."""
    if left_out:
        names = ", ".join(left_out[:_NAMES_SHOWN])
        more = len(left_out) - _NAMES_SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        err.print(f"left out, by their suffix: {names}{rest}", markup=False)


class Meter:
    """Shows how far the sending is: a bar on a terminal, else a line now and then.

    Args:
        taken: counts the bytes read.
        total: bytes there are to read, None where nobody knows.
        quiet: show nothing.
    """

    def __init__(self, taken: Taken, total: int | None, *, quiet: bool) -> None:
        self._taken = taken
        self._total = total
        self._quiet = quiet
        self._started = self._said_at = time.monotonic()
        self._bar = Progress(
            TextColumn("sending"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(),
            console=err,
            disable=quiet or not err.is_terminal,
        )
        self._task = self._bar.add_task("send", total=total, words="")

    @contextmanager
    def running(self) -> Generator[None]:
        """Show something for the length of a block."""
        with self._bar:
            yield

    def show(self, sent: Sent) -> None:
        """Show this."""
        self._bar.update(self._task, completed=self._taken.bytes, words=self._words(sent))
        now = time.monotonic()
        if not (self._quiet or err.is_terminal) and now - self._said_at >= _LINE_SECONDS:
            self._said_at = now
            self.tell(self._words(sent) + self._share())

    def tell(self, words: str) -> None:
        """Print a line of its own."""
        if not self._quiet:
            self._bar.console.print(words, markup=False)

    def _words(self, sent: Sent) -> str:
        records = sent.accepted + sent.rejected
        per_second = records / max(time.monotonic() - self._started, 0.001)
        return f"{records:,} records, {per_second:,.0f}/s, {sent.rejected:,} refused"

    def _share(self) -> str:
        return f", {self._taken.bytes / self._total:.0%} read" if self._total else ""
