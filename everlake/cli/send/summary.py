"""Summary of ``everlake send``: counts, and why records were rejected."""

import msgspec

from everlake.cli.console import err, out, pluralize, print_table
from everlake.cli.error_groups import group_message
from everlake.client import RejectedInput, SendResult, UnreadableInput
from everlake.contract.limits import MAX_ERRORS_SHOWN

_MAX_ERROR_GROUPS = 1_000
_ERROR_GROUPS_SHOWN = 20
_NAMES_SHOWN = 5


class ShownError(msgspec.Struct, frozen=True):
    """One error of one record. ``index`` is the record's number over all files, from 0."""

    index: int
    file: str
    line: int
    code: str
    message: str


class SendSummary(msgspec.Struct):
    """Summary of a run, as ``--json`` prints it.

    Attributes:
        batches: ids, in the order in which they were sent.
        accepted: number of accepted records.
        replayed: how many of these an earlier run had sent.
        rejected: number of rejected records.
        errors: the first 20, by index.
        unread: messages on files that could not be read, or not to their end.
        left_out: files of directories whose suffix is not one of record files.
        unfinished: ids of batches that did not become ``COMPLETE``, if they were waited for.
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
        """Whether everything was read, accepted and, if waited for, is ``COMPLETE``."""
        return not (self.rejected or self.unread or self.unfinished)


class _ErrorGroup(msgspec.Struct):
    """Errors with the same code and message."""

    count: int
    first: str


class SendTally:
    """Adds up the results of a run."""

    def __init__(self) -> None:
        self.summary = SendSummary()
        self.errors = 0
        """Number of errors."""
        self.known_errors = 0
        """Number of errors whose message is known."""
        self.unidentified = 0
        """Number of rejected records that the server did not identify."""
        self.too_long = 0
        """Number of rejected records that were too long to be kept."""
        self._error_groups: dict[tuple[str, str], _ErrorGroup] = {}

    def add(self, result: SendResult | RejectedInput | UnreadableInput) -> None:
        """Add one result."""
        if isinstance(result, UnreadableInput):
            self.summary.unread.append(result.message)
        elif isinstance(result, RejectedInput):
            self.summary.rejected += 1
            self.errors += len(result.errors)
            self.too_long += result.payload is None
            self._add_errors(result)
        else:
            self.summary.batches += result.batches
            self.summary.accepted += result.accepted
            self.summary.replayed += result.replayed
            self.summary.rejected += result.rejected
            self.errors += result.errors
            self.unidentified += result.rejected - len(result.rejections)
            for rejected in result.rejections:
                self._add_errors(rejected)

    def _add_errors(self, rejected: RejectedInput) -> None:
        location = rejected.location
        for code, message in rejected.errors:
            self.known_errors += 1
            self._keep_first(
                ShownError(location.order, location.name, location.line, code, message)
            )
            key = (code, group_message(message))
            group = self._error_groups.get(key)
            if group is not None:
                group.count += 1
            elif len(self._error_groups) < _MAX_ERROR_GROUPS:
                self._error_groups[key] = _ErrorGroup(1, str(location))

    def _keep_first(self, error: ShownError) -> None:
        errors = self.summary.errors
        if len(errors) < MAX_ERRORS_SHOWN or error.index < errors[-1].index:
            errors.append(error)
            errors.sort(key=lambda each: each.index)
            del errors[MAX_ERRORS_SHOWN:]

    def print_summary(self, *, dry_run: bool) -> None:
        """Print the counts, and why records were rejected."""
        summary = self.summary
        if dry_run:
            out.print(f"{summary.accepted:,} would be accepted, {summary.rejected:,} rejected")
        else:
            batches = pluralize(len(summary.batches), "batch")
            out.print(f"{summary.accepted:,} accepted, {summary.rejected:,} rejected, {batches}")
        if summary.replayed:
            out.print(f"{summary.replayed:,} of the accepted had been sent before")
        if self._error_groups:
            self._print_errors()

    def _print_errors(self) -> None:
        groups = sorted(self._error_groups.items(), key=lambda item: -item[1].count)
        print_table(
            ("COUNT", "CODE", "FIRST AT", "MESSAGE"),
            [
                (f"{group.count:,}", code, group.first, message)
                for (code, message), group in groups[:_ERROR_GROUPS_SHOWN]
            ],
        )
        if len(groups) > _ERROR_GROUPS_SHOWN:
            out.print(f"and {len(groups) - _ERROR_GROUPS_SHOWN:,} more groups of errors")
        if self.known_errors < self.errors:
            out.print(
                f"These are {self.known_errors:,} of {self.errors:,} errors: a response has at "
                f"most {MAX_ERRORS_SHOWN}. everlake batches errors counts all errors of a batch."
            )


def print_skipped_files(names: list[str]) -> None:
    """Print the names of files in directories that are not sent."""
    if names:
        more = len(names) - _NAMES_SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        err.print(
            f"skipped because of their suffix: {', '.join(names[:_NAMES_SHOWN])}{rest}",
            markup=False,
        )
