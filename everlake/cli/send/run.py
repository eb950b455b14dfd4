"""One run of ``everlake send``: sending, waiting, and the summary at its end."""

import sys
from collections.abc import Iterable

from everlake.cli.console import CommandError, out, pluralize, print_json
from everlake.cli.send.progress import SendProgress
from everlake.cli.send.rejected_file import RejectedFile
from everlake.cli.send.summary import SendTally, print_skipped_files
from everlake.cli.send.wait import wait_until_complete
from everlake.client import (
    ApiError,
    Client,
    ParallelSender,
    RejectedInput,
    RequestBatch,
    SendResult,
    Unreachable,
    UnreadableInput,
)

_DRAIN_SECONDS = 10.0
EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as in shells."""


class SendRun:
    """One run of the command.

    Args:
        client: of the server.
        sender: sends with this client.
        progress: shows the progress.
        rejected_file: takes the rejected records, if there is one.
        dry_run: whether records are validated only.
        quiet: print the summary as JSON, and nothing else.
    """

    def __init__(
        self,
        client: Client,
        sender: ParallelSender,
        progress: SendProgress,
        rejected_file: RejectedFile | None,
        *,
        dry_run: bool,
        quiet: bool,
    ) -> None:
        self.tally = SendTally()
        self._client = client
        self._sender = sender
        self._progress = progress
        self._rejected_file = rejected_file
        self._dry_run = dry_run
        self._quiet = quiet

    def run(
        self, batches: Iterable[RequestBatch | RejectedInput | UnreadableInput], *, wait: bool
    ) -> None:
        """Send the batches, wait until they are ``COMPLETE`` if asked to, and print the summary."""
        if not self._quiet:
            print_skipped_files(self.tally.summary.left_out)
        try:
            self._send(batches)
            if wait and self.tally.summary.batches:
                self._wait()
        except KeyboardInterrupt:
            self._print_summary()
            sys.exit(EXIT_INTERRUPTED)
        except (ApiError, Unreachable, CommandError):
            self._print_summary()
            raise
        self._print_summary()
        if not self.tally.summary.is_successful:
            sys.exit(1)

    def _send(self, batches: Iterable[RequestBatch | RejectedInput | UnreadableInput]) -> None:
        try:
            with self._progress.running():
                for result in self._sender.send(batches):
                    self._record(result)
        except KeyboardInterrupt:
            self._drain()
            raise

    def _record(self, result: SendResult | RejectedInput | UnreadableInput) -> None:
        self.tally.add(result)
        if isinstance(result, UnreadableInput):
            self._progress.print_line(f"everlake: {result.message}")
        elif self._rejected_file is not None:
            for rejected in result.rejections if isinstance(result, SendResult) else [result]:
                self._rejected_file.add(rejected)
        self._progress.update(self.tally.summary)

    def _drain(self) -> None:
        self._progress.print_line(
            "stopping when the requests in progress are answered; Ctrl-C drops them"
        )
        self._sender.stop()
        try:
            for result in self._sender.wait_for_results(_DRAIN_SECONDS):
                self._record(result)
        except KeyboardInterrupt:
            pass
        self._progress.print_line(
            f"run the same command again{self._changed_option()}: "
            "what was accepted is not sent twice"
        )

    def _changed_option(self) -> str:
        """Return what the next run needs to write its rejected records, which are all of them."""
        file = self._rejected_file
        if file is None or not file.records:
            return ""
        return f" with --rejected-to {file.free_path()}"

    def _wait(self) -> None:
        report = self._progress.print_line
        try:
            self.tally.summary.unfinished = wait_until_complete(
                self._client, self.tally.summary.batches, report
            )
        except KeyboardInterrupt:
            report("everything is sent, and the server continues: see everlake batches list")
            raise

    def _print_summary(self) -> None:
        if self._quiet:
            print_json(self.tally.summary)
            return
        self.tally.print_summary(dry_run=self._dry_run)
        if self._rejected_file is not None:
            self._print_rejected_file(self._rejected_file)
        for batch_id in self.tally.summary.unfinished:
            out.print(
                f"batch {batch_id} is not COMPLETE: everlake batches show {batch_id} says why"
            )

    def _print_rejected_file(self, file: RejectedFile) -> None:
        if file.records:
            out.print(
                f"{pluralize(file.records, 'rejected record')} in {file.path}: correct and "
                "send that file",
                markup=False,
            )
        for number, reason in (
            (self.tally.unidentified, "the server did not say which they are"),
            (self.tally.too_long, "too long for a request"),
        ):
            if number:
                records = pluralize(number, "rejected record")
                out.print(f"not in {file.path}: {records}, {reason}", markup=False)
