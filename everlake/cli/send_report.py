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

from everlake.cli.console import err, out, pluralize, print_table
from everlake.client.input_files import ByteCounter
from everlake.client.types import RejectedInput, SendResult, UnreadableInput
from everlake.contract.limits import MAX_ERRORS_SHOWN

_INDEX = re.compile(r"\[\d+\]", re.ASCII)
_PRINT_INTERVAL = 5.0
_MAX_ERROR_GROUPS = 1_000
_ERROR_GROUPS_SHOWN = 20
_NAMES_SHOWN = 5


class ShownError(msgspec.Struct, frozen=True):
    """One error of one record. ``index`` counts from 0 over all records of the run."""

    index: int
    file: str
    line: int
    code: str
    message: str


class SendSummary(msgspec.Struct):
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
    def is_successful(self) -> bool:
        """Whether everything was read and accepted, and is ``COMPLETE`` as far as was waited."""
        return not (self.rejected or self.unread or self.unfinished)


class _ErrorGroup(msgspec.Struct):
    """Errors with one code and one sentence."""

    count: int
    first: str


class SendTally:
    """Adds up what becomes of records."""

    def __init__(self) -> None:
        self.summary = SendSummary()
        self.shown = 0
        """Errors that the kinds count."""
        self.errors = 0
        self.unidentified = 0
        """Refused records of which nobody said which they are."""
        self.too_long = 0
        """Refused records whose text was too long to be held."""
        self._error_groups: dict[tuple[str, str], _ErrorGroup] = {}

    def add(self, each: SendResult | RejectedInput | UnreadableInput) -> None:
        """Count what became of some records."""
        if isinstance(each, UnreadableInput):
            self.summary.unread.append(each.message)
        elif isinstance(each, RejectedInput):
            self.summary.rejected += 1
            self.errors += len(each.errors)
            self.too_long += each.payload is None
            self._add_errors(each)
        else:
            self.summary.batches += each.batches
            self.summary.accepted += each.accepted
            self.summary.replayed += each.replayed
            self.summary.rejected += each.rejected
            self.errors += each.errors
            self.unidentified += each.rejected - len(each.rejections)
            for refused in each.rejections:
                self._add_errors(refused)

    def _add_errors(self, refused: RejectedInput) -> None:
        place = refused.location
        for code, message in refused.errors:
            self.shown += 1
            self._keep_first(ShownError(place.order, place.name, place.line, code, message))
            # Which one of a list breaks the rule makes no other kind of error.
            sentence = _INDEX.sub("[n]", message)
            kind = self._error_groups.get((code, sentence))
            if kind is not None:
                kind.count += 1
            elif len(self._error_groups) < _MAX_ERROR_GROUPS:
                self._error_groups[code, sentence] = _ErrorGroup(1, str(place))

    def _keep_first(self, error: ShownError) -> None:
        errors = self.summary.errors
        if len(errors) < MAX_ERRORS_SHOWN or error.index < errors[-1].index:
            errors.append(error)
            errors.sort(key=lambda each: each.index)
            del errors[MAX_ERRORS_SHOWN:]

    def print_summary(self, *, dry_run: bool) -> None:
        """Print the counts, and why records were refused."""
        sent = self.summary
        if dry_run:
            out.print(f"{sent.accepted:,} would be accepted, {sent.rejected:,} refused")
        else:
            batches = pluralize(len(sent.batches), "batch")
            out.print(f"{sent.accepted:,} accepted, {sent.rejected:,} refused, {batches}")
        if sent.replayed:
            out.print(f"{sent.replayed:,} of the accepted had been sent before")
        if self._error_groups:
            self._print_errors()

    def _print_errors(self) -> None:
        kinds = sorted(self._error_groups.items(), key=lambda item: -item[1].count)
        print_table(
            ("COUNT", "CODE", "FIRST AT", "WHY"),
            [
                (f"{kind.count:,}", code, kind.first, sentence)
                for (code, sentence), kind in kinds[:_ERROR_GROUPS_SHOWN]
            ],
        )
        if len(kinds) > _ERROR_GROUPS_SHOWN:
            out.print(f"and {len(kinds) - _ERROR_GROUPS_SHOWN:,} more kinds of errors")
        if self.shown < self.errors:
            out.print(
                f"These are {self.shown:,} of {self.errors:,} errors: an answer shows no more than "
                f"{MAX_ERRORS_SHOWN}. everlake batches errors counts all of a batch."
            )


def print_skipped_files(left_out: list[str]) -> None:
    """Name the files of directories that are not sent."""
    if left_out:
        names = ", ".join(left_out[:_NAMES_SHOWN])
        more = len(left_out) - _NAMES_SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        err.print(f"left out, by their suffix: {names}{rest}", markup=False)


class SendProgress:
    """Shows how far the sending is: a bar on a terminal, else a line now and then.

    Args:
        taken: counts the bytes read.
        total: bytes there are to read, None where nobody knows.
        quiet: show nothing.
    """

    def __init__(self, taken: ByteCounter, total: int | None, *, quiet: bool) -> None:
        self._read_counter = taken
        self._total = total
        self._quiet = quiet
        self._started = self._printed_at = time.monotonic()
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

    def update(self, sent: SendSummary) -> None:
        """Show this."""
        self._bar.update(
            self._task, completed=self._read_counter.count, words=self._status_text(sent)
        )
        now = time.monotonic()
        if not (self._quiet or err.is_terminal) and now - self._printed_at >= _PRINT_INTERVAL:
            self._printed_at = now
            self.print_line(self._status_text(sent) + self._read_share())

    def print_line(self, words: str) -> None:
        """Print a line of its own."""
        if not self._quiet:
            self._bar.console.print(words, markup=False)

    def _status_text(self, sent: SendSummary) -> str:
        records = sent.accepted + sent.rejected
        per_second = records / max(time.monotonic() - self._started, 0.001)
        return f"{records:,} records, {per_second:,.0f}/s, {sent.rejected:,} refused"

    def _read_share(self) -> str:
        return f", {self._read_counter.count / self._total:.0%} read" if self._total else ""
