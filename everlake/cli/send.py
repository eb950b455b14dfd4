"""``everlake send``: files of records to a server."""

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from everlake.cli.console import CommandError, JsonOption, counted, fail, out, print_json
from everlake.cli.refused_file import RefusedFile
from everlake.cli.send_attach import check_files, only_record, with_attachments
from everlake.cli.send_report import Meter, Tally, say_left_out
from everlake.cli.send_wait import wait_until_complete
from everlake.client import ApiError, Client, Unreachable
from everlake.client.chunks import MOST_RECORD_BYTES, Chunk, chunks_of
from everlake.client.delivery import Outcome
from everlake.client.pace import Pace
from everlake.client.records import Read, Refused, Unread, read_records
from everlake.client.sender import Sender
from everlake.client.sources import Found, SourceError, Taken, find

_SETTLE_SECONDS = 10.0
_INTERRUPTED = 130
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
    found = _find(files, refused_to)
    if attach and dry_run:
        fail("--attach uploads files, and --dry-run stores nothing: leave out one of them")
    check_files(attach or [])
    taken = Taken()
    meter = Meter(taken, found.size, quiet=json)
    pace = Pace(lambda why, seconds: meter.tell(f"{why}: trying again in {seconds:.1f} s"))
    with (
        nullcontext() if refused_to is None else RefusedFile(refused_to) as refused_file,
        Client(url, key, attempts=attempts, before_again=pace.delay) as client,
        Sender(
            client,
            pace,
            parallel=parallel,
            dry_run=dry_run,
            every_refusal=refused_to is not None,
        ) as sender,
    ):
        run = _Run(client, sender, meter, refused_file, dry_run=dry_run, quiet=json)
        run.tally.sent.left_out = found.left_out
        records: Iterable[Read] = read_records(found.sources, taken, most=MOST_RECORD_BYTES)
        if attach:
            try:
                records = [with_attachments(client, only_record(records), attach, quiet=json)]
            except KeyboardInterrupt:
                meter.tell("nothing was sent; what was uploaded is not kept for long")
                sys.exit(_INTERRUPTED)
        run.start(chunks_of(records), wait=wait)


def _find(names: list[str], refused_to: Path | None) -> Found:
    for name in names:
        if refused_to is not None and refused_to.resolve().is_relative_to(Path(name).resolve()):
            fail(f"{refused_to} is within {name}, which is to be sent: name a file elsewhere")
    try:
        return find(names)
    except SourceError as error:
        fail(str(error))


class _Run:
    """One run of the command, once everything is ready for it."""

    def __init__(
        self,
        client: Client,
        sender: Sender,
        meter: Meter,
        refused_file: RefusedFile | None,
        *,
        dry_run: bool,
        quiet: bool,
    ) -> None:
        self.tally = Tally()
        self._client = client
        self._sender = sender
        self._meter = meter
        self._refused_file = refused_file
        self._dry_run = dry_run
        self._quiet = quiet

    def start(self, chunks: Iterable[Chunk | Refused | Unread], *, wait: bool) -> None:
        """Send, wait where that is wanted, and say what became of it all."""
        if not self._quiet:
            say_left_out(self.tally.sent.left_out)
        try:
            self._send(chunks)
            if wait and self.tally.sent.batches:
                self._wait()
        except KeyboardInterrupt:
            self._say()
            sys.exit(_INTERRUPTED)
        except (ApiError, Unreachable, CommandError):
            self._say()
            raise
        self._say()
        if not self.tally.sent.is_well:
            sys.exit(1)

    def _send(self, chunks: Iterable[Chunk | Refused | Unread]) -> None:
        try:
            with self._meter.running():
                for each in self._sender.send(chunks):
                    self._take(each)
        except KeyboardInterrupt:
            self._interrupt()
            raise

    def _take(self, each: Outcome | Refused | Unread) -> None:
        self.tally.add(each)
        if isinstance(each, Unread):
            self._meter.tell(f"everlake: {each.message}")
        elif self._refused_file is not None:
            for refused in each.refused if isinstance(each, Outcome) else [each]:
                self._refused_file.add(refused)
        self._meter.show(self.tally.sent)

    def _interrupt(self) -> None:
        self._meter.tell("stopping when the requests under way are answered; Ctrl-C drops them")
        self._sender.stop()
        try:
            for outcome in self._sender.settle(_SETTLE_SECONDS):
                self._take(outcome)
        except KeyboardInterrupt:
            pass
        self._meter.tell("run the same command again: what was accepted is not sent twice")

    def _wait(self) -> None:
        tell = self._meter.tell
        try:
            self.tally.sent.unfinished = wait_until_complete(
                self._client, self.tally.sent.batches, tell
            )
        except KeyboardInterrupt:
            tell("all is sent, and the server goes on with it: everlake batches list shows how far")
            raise

    def _say(self) -> None:
        if self._quiet:
            print_json(self.tally.sent)
            return
        self.tally.say(dry_run=self._dry_run)
        if self._refused_file is not None:
            self._say_file(self._refused_file)
        for batch_id in self.tally.sent.unfinished:
            out.print(
                f"batch {batch_id} is not COMPLETE: everlake batches show {batch_id} says why"
            )

    def _say_file(self, file: RefusedFile) -> None:
        if file.records:
            out.print(
                f"{counted(file.records, 'refused record')} in {file.path}: correct there, and "
                "send that file",
                markup=False,
            )
        for number, why in (
            (self.tally.unknown, "the server did not say which they are"),
            (self.tally.too_long, "too long for any request"),
        ):
            if number:
                records = counted(number, "refused record")
                out.print(f"not in {file.path}: {records}, {why}", markup=False)
