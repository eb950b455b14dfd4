"""``everlake send``: files of records to a server."""

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from everlake.cli.console import CommandError, fail, out, pluralize, print_json
from everlake.cli.options import JsonOption
from everlake.cli.rejected_file import RejectedFile
from everlake.cli.send_attachments import check_files_readable, only_record, upload_and_attach
from everlake.cli.send_report import SendProgress, SendTally, print_skipped_files
from everlake.cli.send_wait import wait_until_complete
from everlake.client import ApiError, Client, Unreachable
from everlake.client.errors import InputFileError
from everlake.client.input_files import ByteCounter, InputFiles, find_input_files
from everlake.client.parallel_sender import ParallelSender
from everlake.client.record_reader import read_records
from everlake.client.request_batches import MAX_RECORD_BYTES, RequestBatch, batch_records
from everlake.client.throttle import Throttle
from everlake.client.types import InputItem, RejectedInput, SendResult, UnreadableInput

_DRAIN_SECONDS = 10.0
_EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def send(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIRECTORY|-",
            help="JSON or NDJSON, plain, .gz or .zst; - for standard input.",
        ),
    ],
    key: Annotated[
        str, typer.Option("--key", envvar="EVERLAKE_API_KEY", help="API key with api:write.")
    ],
    url: Annotated[
        str, typer.Option("--url", envvar="EVERLAKE_URL", help="The server's base URL.")
    ] = "http://127.0.0.1:8400",
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=64, help="Requests under way at a time.")
    ] = 4,
    attempts: Annotated[
        int,
        typer.Option("--attempts", min=1, max=1_000, help="Tries of a request before giving up."),
    ] = 10,
    attach: Annotated[
        list[Path] | None,
        typer.Option(
            "--attach", help="A file to upload and attach to the one record; can be repeated."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Have all records judged, and store nothing.")
    ] = False,
    refused_to: Annotated[
        Path | None,
        typer.Option("--refused-to", help="A new file for the refused records, one a line."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all is COMPLETE.")] = False,
    json: JsonOption = False,
) -> None:
    """Send records from files, in requests of at most 1,000 records and 5 MB.

    Every request has an idempotency key made from its content, so a second run sends nothing
    twice. The exit code is 1 when anything was refused.

    With --attach the input must hold exactly one record; the files are uploaded before it is sent.

    Example: everlake send tickets.ndjson calls.json.gz exports/ --key em_sk_... --wait
    """
    found = _find_sources(files, refused_to)
    if attach and dry_run:
        fail("--attach uploads files, and --dry-run stores nothing: leave out one of them")
    check_files_readable(attach or [])
    taken = ByteCounter()
    meter = SendProgress(taken, found.size, quiet=json)
    pace = Throttle(
        lambda why, seconds: meter.print_line(f"{why}: trying again in {seconds:.1f} s")
    )
    with (
        nullcontext() if refused_to is None else RejectedFile(refused_to) as refused_file,
        Client(url, key, attempts=attempts, before_retry=pace.back_off) as client,
        ParallelSender(
            client,
            pace,
            parallel=parallel,
            dry_run=dry_run,
            all_rejections=refused_to is not None,
        ) as sender,
    ):
        run = _SendRun(client, sender, meter, refused_file, dry_run=dry_run, quiet=json)
        run.tally.summary.left_out = found.skipped
        records: Iterable[InputItem] = read_records(found.files, taken, max_bytes=MAX_RECORD_BYTES)
        if attach:
            try:
                records = [upload_and_attach(client, only_record(records), attach, quiet=json)]
            except KeyboardInterrupt:
                meter.print_line("nothing was sent; what was uploaded is not kept for long")
                sys.exit(_EXIT_INTERRUPTED)
        run.run(batch_records(records), wait=wait)


def _find_sources(names: list[str], refused_to: Path | None) -> InputFiles:
    for name in names:
        if refused_to is not None and refused_to.resolve().is_relative_to(Path(name).resolve()):
            fail(f"{refused_to} is within {name}, which is to be sent: name a file elsewhere")
    try:
        return find_input_files(names)
    except InputFileError as error:
        fail(str(error))


class _SendRun:
    """One run of the command, once everything is ready for it."""

    def __init__(
        self,
        client: Client,
        sender: ParallelSender,
        meter: SendProgress,
        refused_file: RejectedFile | None,
        *,
        dry_run: bool,
        quiet: bool,
    ) -> None:
        self.tally = SendTally()
        self._client = client
        self._sender = sender
        self._meter = meter
        self._rejected_file = refused_file
        self._dry_run = dry_run
        self._quiet = quiet

    def run(
        self, chunks: Iterable[RequestBatch | RejectedInput | UnreadableInput], *, wait: bool
    ) -> None:
        """Send, wait where that is wanted, and say what became of it all."""
        if not self._quiet:
            print_skipped_files(self.tally.summary.left_out)
        try:
            self._send(chunks)
            if wait and self.tally.summary.batches:
                self._wait()
        except KeyboardInterrupt:
            self._print_summary()
            sys.exit(_EXIT_INTERRUPTED)
        except (ApiError, Unreachable, CommandError):
            self._print_summary()
            raise
        self._print_summary()
        if not self.tally.summary.is_successful:
            sys.exit(1)

    def _send(self, chunks: Iterable[RequestBatch | RejectedInput | UnreadableInput]) -> None:
        try:
            with self._meter.running():
                for each in self._sender.send(chunks):
                    self._record(each)
        except KeyboardInterrupt:
            self._drain()
            raise

    def _record(self, each: SendResult | RejectedInput | UnreadableInput) -> None:
        self.tally.add(each)
        if isinstance(each, UnreadableInput):
            self._meter.print_line(f"everlake: {each.message}")
        elif self._rejected_file is not None:
            for refused in each.rejections if isinstance(each, SendResult) else [each]:
                self._rejected_file.add(refused)
        self._meter.update(self.tally.summary)

    def _drain(self) -> None:
        self._meter.print_line(
            "stopping when the requests under way are answered; Ctrl-C drops them"
        )
        self._sender.stop()
        try:
            for outcome in self._sender.wait_for_results(_DRAIN_SECONDS):
                self._record(outcome)
        except KeyboardInterrupt:
            pass
        self._meter.print_line("run the same command again: what was accepted is not sent twice")

    def _wait(self) -> None:
        tell = self._meter.print_line
        try:
            self.tally.summary.unfinished = wait_until_complete(
                self._client, self.tally.summary.batches, tell
            )
        except KeyboardInterrupt:
            tell("all is sent, and the server goes on with it: everlake batches list shows how far")
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
                f"{pluralize(file.records, 'refused record')} in {file.path}: correct there, and "
                "send that file",
                markup=False,
            )
        for number, why in (
            (self.tally.unidentified, "the server did not say which they are"),
            (self.tally.too_long, "too long for any request"),
        ):
            if number:
                records = pluralize(number, "refused record")
                out.print(f"not in {file.path}: {records}, {why}", markup=False)
