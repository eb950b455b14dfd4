"""Command ``everlake send``: options, and the order of its steps."""

import re
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from everlake.cli.console import fail
from everlake.cli.options import JsonOption
from everlake.cli.send.attachments import check_files_readable, only_record, upload_and_attach
from everlake.cli.send.progress import SendProgress
from everlake.cli.send.rejected_file import RejectedFile
from everlake.cli.send.run import EXIT_INTERRUPTED, SendRun
from everlake.client import (
    MAX_RECORD_BYTES,
    ByteCounter,
    Client,
    InputFileError,
    InputFiles,
    InputRecord,
    ParallelSender,
    RejectedInput,
    Throttle,
    UnreadableInput,
    batch_records,
    find_input_files,
    read_records,
)
from everlake.settings.defaults import DEFAULT_HOST, DEFAULT_PORT

_KEY = re.compile(r"[!-~]+")
"""What can be in a header, without white space."""


def send(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIRECTORY|-",
            help="JSON or NDJSON, plain, .gz or .zst; - for standard input.",
        ),
    ],
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            envvar="EVERLAKE_API_KEY",
            help="API key with api:write. All users of the machine see it as an argument: prefer "
            "--key-file or the variable.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="A file with the API key, instead of --key."),
    ] = None,
    url: Annotated[
        str, typer.Option("--url", envvar="EVERLAKE_URL", help="Base URL of the server.")
    ] = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}",
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=64, help="Simultaneous requests.")
    ] = 4,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, max=1_000, help="Attempts of a request.")
    ] = 10,
    attach: Annotated[
        list[Path] | None,
        typer.Option(
            "--attach", help="A file to upload and attach to the only record; can be repeated."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Validate all records without storing them.")
    ] = False,
    rejected_to: Annotated[
        Path | None,
        typer.Option(
            "--rejected-to",
            "--refused-to",
            help="A new file for the rejected records, one per line.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all batches are COMPLETE.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Send records from files, in requests of at most 1,000 records and 5 MB.

    Every request has an idempotency key derived from its content, so a second run sends nothing
    twice. The exit code is 1 if a record was rejected.

    With --attach the input must hold exactly one record; the files are uploaded before it is sent.

    Example: everlake send tickets.ndjson calls.json.gz exports/ --key-file key.txt --wait
    """
    secret = (key or "").strip() if key_file is None else _read_key(key_file)
    if not secret:
        raise typer.BadParameter(
            "An API key is needed: set EVERLAKE_API_KEY, or name a file with --key-file.",
            param_hint="--key",
        )
    if not _KEY.fullmatch(secret):
        raise typer.BadParameter(
            "The API key has a character that no key has, such as a space: copy it again.",
            param_hint="--key" if key_file is None else "--key-file",
        )
    found = _find_files(files, rejected_to)
    if attach and dry_run:
        fail("--attach uploads files, and --dry-run stores nothing: leave out one of them")
    check_files_readable(attach or [])
    byte_counter = ByteCounter()
    progress = SendProgress(byte_counter, found.size, quiet=json)
    throttle = Throttle(
        lambda reason, seconds: progress.print_line(f"{reason}: trying again in {seconds:.1f} s")
    )
    progress.throttle = throttle
    with (
        nullcontext() if rejected_to is None else RejectedFile(rejected_to) as rejected_file,
        Client(url, secret, attempts=attempts, before_retry=throttle.back_off) as client,
        ParallelSender(
            client,
            throttle,
            parallel=parallel,
            dry_run=dry_run,
            all_rejections=rejected_to is not None,
        ) as sender,
    ):
        run = SendRun(client, sender, progress, rejected_file, dry_run=dry_run, quiet=json)
        run.tally.summary.left_out = found.skipped
        records: Iterable[InputRecord | RejectedInput | UnreadableInput] = read_records(
            found.files, byte_counter, max_bytes=MAX_RECORD_BYTES
        )
        if attach:
            try:
                records = [upload_and_attach(client, only_record(records), attach, quiet=json)]
            except KeyboardInterrupt:
                progress.print_line("nothing was sent; uploaded files expire by themselves")
                sys.exit(EXIT_INTERRUPTED)
        run.run(batch_records(records), wait=wait)


def _read_key(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except ValueError:
        fail(f"{path} is not a text in UTF-8: it must hold an API key and nothing else")


def _find_files(names: list[str], rejected_to: Path | None) -> InputFiles:
    for name in names:
        if rejected_to is not None and rejected_to.resolve().is_relative_to(Path(name).resolve()):
            fail(f"{rejected_to} is within {name}, which is to be sent: name a file elsewhere")
    try:
        found = find_input_files(names)
    except InputFileError as error:
        fail(str(error))
    if not found.files:
        fail(
            f"no file to send in {', '.join(names)}: a directory is searched for .json, .ndjson "
            "and .jsonl, also compressed"
        )
    return found
