"""``everlake demo``: start, send the sample data, wait, show what came out, stay up."""

import sys
import time
from pathlib import Path
from shutil import which
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from everlake.catalog import api_keys
from everlake.catalog.database import Catalog
from everlake.cli.context import err, fail, out, prepare_catalog, print_table
from everlake.cli.search import show_hit
from everlake.cli.send_report import SendSummary, SendTally
from everlake.cli.serve import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    HostOption,
    PortOption,
)
from everlake.client import Client
from everlake.client.client import NDJSON
from everlake.client.parallel_sender import ParallelSender
from everlake.client.record_reader import RecordLocation
from everlake.client.request_batches import RequestBatch
from everlake.client.throttle import Throttle
from everlake.contract.batches import BatchStatus
from everlake.demo.samples import sample_requests
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.logs import configure_logging
from everlake.model.utterances import UtteranceFilters
from everlake.operations import first_workspace
from everlake.operations.first_workspace import FirstWorkspace
from everlake.runtime.data_locks import serve_lock
from everlake.runtime.health import base_url, wait_until_healthy
from everlake.runtime.roles import start_serve
from everlake.runtime.supervisor import Supervisor
from everlake.search import search
from everlake.settings import Settings, load

DATA_DIRECTORY = "./everlake-demo"
_LABEL = "demo"
_COMPLETE_TIMEOUT = 120.0
_QUERIES = (
    "every shift is in my Outlook twice",
    "charge for bank nurses",
    "no signal, the app shows nothing",
)


def demo(
    host: HostOption = DEFAULT_HOST,
    port: PortOption = DEFAULT_PORT,
    data: Annotated[
        str, typer.Option("--data", help="Where the demo keeps its data.")
    ] = DATA_DIRECTORY,
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
    configure_logging(settings.logging.format, settings.logging.level, role="demo")
    with serve_lock(settings.data_directory):
        with prepare_catalog(settings) as catalog:
            made = _demo_workspace(catalog, settings)
        url = base_url(host, port)
        supervisor = start_serve(settings, host, port)
        try:
            wait_until_healthy(supervisor, host, port)
            out.print(f"Everlake listens at {url}; its data is in {_relative_path(settings)}\n")
            _run_demo(settings, made, url)
            if stay and not supervisor.stopping:
                _print_next_steps(url, made, data)
        except BaseException:
            supervisor.shut_down()
            raise
        _finish(supervisor, stay=stay)


def _demo_workspace(catalog: Catalog, settings: Settings) -> FirstWorkspace:
    """The demo's workspace, with a fresh key in place of an earlier run's."""
    there = first_workspace.ensure_first_workspace(catalog, max_live_keys=settings.limits.keys_per_workspace)
    if there.api_key is not None:
        return there
    with catalog.transaction() as tx:
        for key in api_keys.page(tx, there.workspace_id, limit=settings.limits.keys_per_workspace * 100):
            if key.label == _LABEL:
                api_keys.revoke(tx, there.workspace_id, key.id)
        key, secret = api_keys.create(
            tx,
            there.workspace_id,
            label=_LABEL,
            permissions=first_workspace.FIRST_PERMISSIONS,
            source="demo",
            max_live=settings.limits.keys_per_workspace,
        )
    return FirstWorkspace(there.workspace_id, there.product_id, there.project_id, secret, key.id)


def _run_demo(settings: Settings, made: FirstWorkspace, url: str) -> None:
    with Client(url, made.api_key or "") as client:
        lines = sample_requests(made.product_id, made.project_id)
        sent = _send_samples(client, lines)
        out.print(
            f"Sent {len(lines)} batches: {sent.accepted} records accepted, "
            f"{sent.rejected} refused on purpose. Why, for some of them:"
        )
        reasons = dict.fromkeys(error.message for error in sent.errors)
        print_table(("WHY",), [(reason,) for reason in list(reasons)[:4]])
        _wait_until_complete(client, sent)
    with prepare_catalog(settings) as catalog:
        lake = open_lake(settings.archive_url, catalog)
        _print_record_counts(lake, made)
        _print_searches(lake, made)


def _send_samples(client: Client, lines: list[tuple[str, list[bytes]]]) -> SendSummary:
    tally = SendTally()
    chunks = [
        RequestBatch(
            NDJSON, texts, [RecordLocation(name, number, 0, number) for number in range(len(texts))]
        )
        for name, texts in lines
    ]
    with ParallelSender(client, Throttle(), parallel=1) as sender:
        for each in sender.send(chunks):
            tally.add(each)
    return tally.summary


def _wait_until_complete(client: Client, sent: SendSummary) -> None:
    deadline = time.monotonic() + _COMPLETE_TIMEOUT
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
                fail(
                    f"{len(waiting)} batches are not COMPLETE after {_COMPLETE_TIMEOUT:.0f} seconds"
                )
            time.sleep(0.05)
    out.print(f"\nAll {len(sent.batches)} batches are COMPLETE. In the lake now:")


def _print_record_counts(lake: Lake, made: FirstWorkspace) -> None:
    summary = lake.records.summary(made.workspace_id)
    print_table(("TYPE", "RECORDS"), [*summary.by_type.items(), ("all", summary.records)])


def _print_searches(lake: Lake, made: FirstWorkspace) -> None:
    for query in _QUERIES:
        out.print(f"\nWho said something like: {query}", style="bold")
        page = search(lake, made.workspace_id, query, filters=UtteranceFilters(), limit=2)
        for hit in page.hits:
            show_hit(hit)


def _print_next_steps(url: str, made: FirstWorkspace, data: str) -> None:
    out.print("\nTry it (Ctrl-C ends the demo):", style="bold")
    out.print(f"  curl -H 'x-api-key: {made.api_key}' '{url}/api/v1/search?q=night+nurse&limit=3'")
    out.print(f"  {_program_name()} search 'night nurse' --data {data}")
    out.print(f"  {url}/docs")


def _program_name() -> str:
    """How this program is called from here."""
    return "everlake" if which("everlake") else str(Path(sys.argv[0]))


def _relative_path(settings: Settings) -> str:
    directory = settings.data_directory
    here = Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)


def _finish(supervisor: Supervisor, *, stay: bool) -> None:
    if not stay:
        supervisor.stop()
    supervisor.run()
