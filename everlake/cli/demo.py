"""``everlake demo``: start, send the sample data, wait, show what came out, stay up."""

import sys
import time
from pathlib import Path
from shutil import which
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from everlake.catalog import keys
from everlake.catalog.engine import Catalog
from everlake.cli import setup
from everlake.cli.context import err, fail, open_catalog, out, print_table
from everlake.cli.run import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    HostOption,
    PortOption,
    start,
    url_of,
    wait_until_up,
)
from everlake.cli.search import show_hit
from everlake.cli.send_report import Sent, Tally
from everlake.cli.setup import Setup
from everlake.cli.supervisor import Supervisor, only_one
from everlake.client import Client
from everlake.client.chunks import Chunk
from everlake.client.client import NDJSON
from everlake.client.pace import Pace
from everlake.client.records import Place
from everlake.client.sender import Sender
from everlake.contract.batch import BatchStatus
from everlake.demo.samples import sample_lines
from everlake.lake import Lake, UtteranceFilters
from everlake.lake.opening import open_lake
from everlake.logs import configure
from everlake.search import search
from everlake.settings import Settings, load

DIRECTORY = "./everlake-demo"
_LABEL = "demo"
_WAIT_SECONDS = 120.0
_QUERIES = (
    "every shift is in my Outlook twice",
    "charge for bank nurses",
    "no signal, the app shows nothing",
)


def demo(
    host: HostOption = DEFAULT_HOST,
    port: PortOption = DEFAULT_PORT,
    data: Annotated[str, typer.Option("--data", help="Where the demo keeps its data.")] = DIRECTORY,
    stay: Annotated[
        bool, typer.Option("--stay/--no-stay", help="Stay up until Ctrl-C, or end when shown.")
    ] = True,
) -> None:
    """Start Everlake on sample data, show what comes out, and stay up.

    Example: everlake demo --port 8500
    """
    settings = load(
        {
            "data": data,
            # Whatever is set for a real one, sample data does not belong there.
            "database_url": "",
            "storage_url": "",
            "log_level": "warning",
            "rate_limit": 1_000,
            "rate_burst": 100,
        }
    )
    configure(settings.log_format, settings.log_level, role="demo")
    with only_one(settings.data_directory):
        with open_catalog(settings) as catalog:
            made = _setup(catalog, settings)
        url = url_of(host, port)
        supervisor = start(settings, host, port)
        try:
            wait_until_up(supervisor, host, port)
            out.print(f"Everlake listens at {url}; its data is in {_short(settings)}\n")
            _show(settings, made, url)
            if stay and not supervisor.stopping:
                _invite(url, made, data)
        except BaseException:
            supervisor.end()
            raise
        _end(supervisor, stay=stay)


def _setup(catalog: Catalog, settings: Settings) -> Setup:
    """The demo's workspace, with a fresh key in place of an earlier run's."""
    there = setup.ensure(catalog, most_live=settings.max_keys)
    if there.api_key is not None:
        return there
    with catalog.write() as tx:
        for key in keys.page(tx, there.workspace_id, limit=settings.max_keys * 100):
            if key.label == _LABEL:
                keys.revoke(tx, there.workspace_id, key.id)
        key, secret = keys.create(
            tx,
            there.workspace_id,
            label=_LABEL,
            permissions=setup.FIRST_PERMISSIONS,
            source="demo",
            most_live=settings.max_keys,
        )
    return Setup(there.workspace_id, there.product_id, there.project_id, secret, key.id)


def _show(settings: Settings, made: Setup, url: str) -> None:
    with Client(url, made.api_key or "") as client:
        lines = sample_lines(made.product_id, made.project_id)
        sent = _send(client, lines)
        out.print(
            f"Sent {len(lines)} batches: {sent.accepted} records accepted, "
            f"{sent.rejected} refused on purpose. Why, for some of them:"
        )
        reasons = dict.fromkeys(error.message for error in sent.errors)
        print_table(("WHY",), [(reason,) for reason in list(reasons)[:4]])
        _follow(client, sent)
    with open_catalog(settings) as catalog:
        lake = open_lake(settings.archive_url, catalog)
        _show_lake(lake, made)
        _show_search(lake, made)


def _send(client: Client, lines: list[tuple[str, list[bytes]]]) -> Sent:
    tally = Tally()
    chunks = [
        Chunk(NDJSON, texts, [Place(name, number, 0, number) for number in range(len(texts))])
        for name, texts in lines
    ]
    with Sender(client, Pace(), parallel=1) as sender:
        for each in sender.send(chunks):
            tally.add(each)
    return tally.sent


def _follow(client: Client, sent: Sent) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    waiting = set(sent.batches)
    bar = Progress(
        TextColumn("\nanalysing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("batches complete"),
        console=err,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task("follow", total=len(waiting))
        while waiting:
            for batch_id in list(waiting):
                batch = client.batch(batch_id)
                if batch.status is BatchStatus.FAILED and batch.acceptedCount:
                    fail(f"batch {batch_id} failed: everlake batches show {batch_id} says why")
                if batch.status in {BatchStatus.COMPLETE, BatchStatus.FAILED}:
                    waiting.discard(batch_id)
                    bar.advance(task)
            if time.monotonic() > deadline:
                fail(f"{len(waiting)} batches are not COMPLETE after {_WAIT_SECONDS:.0f} seconds")
            time.sleep(0.05)
    out.print(f"\nAll {len(sent.batches)} batches are COMPLETE. In the lake now:")


def _show_lake(lake: Lake, made: Setup) -> None:
    summary = lake.summary(made.workspace_id)
    print_table(("TYPE", "RECORDS"), [*summary.by_type.items(), ("all", summary.records)])


def _show_search(lake: Lake, made: Setup) -> None:
    for query in _QUERIES:
        out.print(f"\nWho said something like: {query}", style="bold")
        page = search(lake, made.workspace_id, query, filters=UtteranceFilters(), limit=2)
        for hit in page.hits:
            show_hit(hit)


def _invite(url: str, made: Setup, data: str) -> None:
    out.print("\nTry it (Ctrl-C ends the demo):", style="bold")
    out.print(f"  curl -H 'x-api-key: {made.api_key}' '{url}/api/v1/search?q=night+nurse&limit=3'")
    out.print(f"  {_program()} search 'night nurse' --data {data}")
    out.print(f"  {url}/docs")


def _program() -> str:
    """How this program is called from here."""
    return "everlake" if which("everlake") else str(Path(sys.argv[0]))


def _short(settings: Settings) -> str:
    directory = settings.data_directory
    here = Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)


def _end(supervisor: Supervisor, *, stay: bool) -> None:
    if not stay:
        supervisor.stop()
    supervisor.run()
