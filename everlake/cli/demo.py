"""``everlake demo``."""

import sys
import time
from pathlib import Path
from shutil import which
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from everlake.catalog.database import Catalog
from everlake.cli.console import err, fail, out, print_table, reference_url
from everlake.cli.options import HostOption, PortOption
from everlake.cli.search import print_hit
from everlake.cli.send.summary import SendSummary, SendTally
from everlake.client import Client
from everlake.client.parallel_sender import ParallelSender
from everlake.client.request_batches import RequestBatch
from everlake.client.throttle import Throttle
from everlake.client.types import RecordLocation
from everlake.contract.batches import BatchStatus
from everlake.contract.media_types import MediaType
from everlake.demo.samples import sample_requests
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.logs import configure_logging
from everlake.operations.data_directory import check_data_directory
from everlake.operations.first_workspace import (
    FIRST_PERMISSIONS,
    FirstWorkspace,
    ensure_first_workspace,
)
from everlake.operations.keys import create_key, list_keys, revoke_key
from everlake.operations.opening import prepared_catalog
from everlake.operations.records import summarize_records
from everlake.operations.search import search_utterances
from everlake.runtime.data_locks import serve_lock
from everlake.runtime.health import base_url, wait_until_healthy
from everlake.runtime.listener import listen_with_retry
from everlake.runtime.roles import start_serve
from everlake.runtime.supervisor import Supervisor
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
    host: HostOption = None,
    port: PortOption = None,
    data: Annotated[
        str, typer.Option("--data", help="Data directory of the demo.")
    ] = DATA_DIRECTORY,
    stay: Annotated[
        bool, typer.Option("--stay/--no-stay", help="Keep running until Ctrl-C, or end afterwards.")
    ] = True,
) -> None:
    """Start Everlake with sample data, and show the results.

    It keeps running until Ctrl-C.

    Example: everlake demo --port 8500
    """
    settings = load(
        {
            "data": data,
            "host": host,
            "port": port,
            # Sample data must not go to the database and the storage of a real installation.
            "database_url": "",
            "storage_url": "",
            "log_level": "warning",
            "rate_limit": 1_000,
            "rate_burst": 100,
        }
    )
    configure_logging(settings.logging.format, settings.logging.level, role="demo")
    check_data_directory(settings.data_directory)
    listener = listen_with_retry(settings.api.host, settings.api.port)
    with serve_lock(settings.data_directory):
        with prepared_catalog(settings) as catalog:
            workspace = _demo_workspace(catalog, settings)
        url = base_url(settings.api.host, settings.api.port)
        supervisor = start_serve(settings, listener)
        try:
            wait_until_healthy(supervisor, settings.api.host, settings.api.port)
            out.print(f"Everlake listens at {url}; its data is in {settings.data_directory}\n")
            _run_demo(settings, workspace, url)
            if stay and not supervisor.stopping:
                _print_next_steps(url, workspace, data)
        except BaseException:
            supervisor.shut_down()
            raise
        _finish(supervisor, stay=stay)


def _demo_workspace(catalog: Catalog, settings: Settings) -> FirstWorkspace:
    """Return the demo's workspace; a new key replaces the one of an earlier run."""
    max_keys = settings.limits.keys_per_workspace
    first = ensure_first_workspace(catalog, max_live_keys=max_keys)
    if first.api_key is not None:
        return first
    for key in list_keys(catalog, first.workspace_id):
        if key.label == _LABEL and key.revoked_at is None:
            revoke_key(catalog, first.workspace_id, key.id)
    created = create_key(
        catalog,
        first.workspace_id,
        label=_LABEL,
        permissions=FIRST_PERMISSIONS,
        source="demo",
        max_live=max_keys,
    )
    return msgspec.structs.replace(first, api_key=created.secret, key_id=created.key.id)


def _run_demo(settings: Settings, workspace: FirstWorkspace, url: str) -> None:
    with Client(url, workspace.api_key or "") as client:
        lines = sample_requests(workspace.product_id, workspace.project_id)
        sent = _send_samples(client, lines)
        out.print(
            f"Sent {len(lines)} batches: {sent.accepted} records accepted, "
            f"{sent.rejected} rejected on purpose. Some of the reasons:"
        )
        reasons = dict.fromkeys(error.message for error in sent.errors)
        print_table(("ERROR",), [(reason,) for reason in list(reasons)[:4]])
        _wait_until_complete(client, sent)
    with prepared_catalog(settings) as catalog:
        lake = open_lake(settings.archive_url, catalog)
        _print_record_counts(lake, workspace.workspace_id)
        _print_searches(lake, workspace.workspace_id)


def _send_samples(client: Client, lines: list[tuple[str, list[bytes]]]) -> SendSummary:
    tally = SendTally()
    batches = [
        RequestBatch(
            MediaType.NDJSON,
            texts,
            [RecordLocation(name, number, 0, number) for number in range(len(texts))],
        )
        for name, texts in lines
    ]
    with ParallelSender(client, Throttle(), parallel=1) as sender:
        for result in sender.send(batches):
            tally.add(result)
    return tally.summary


def _wait_until_complete(client: Client, sent: SendSummary) -> None:
    deadline = time.monotonic() + _COMPLETE_TIMEOUT
    waiting = set(sent.batches)
    bar = Progress(
        TextColumn("\nprocessing"),
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


def _print_record_counts(lake: Lake, workspace_id: str) -> None:
    summary = summarize_records(lake, workspace_id)
    print_table(("TYPE", "RECORDS"), [*summary.by_type.items(), ("all", summary.records)])


def _print_searches(lake: Lake, workspace_id: str) -> None:
    for query in _QUERIES:
        out.print(f"\nWho said something like: {query}", style="bold")
        for hit in search_utterances(lake, workspace_id, query, limit=2).hits:
            print_hit(hit)


def _print_next_steps(url: str, workspace: FirstWorkspace, data: str) -> None:
    out.print("\nTry it (Ctrl-C ends the demo):", style="bold")
    search = f"{url}/api/v1/search?q=night+nurse&limit=3"
    out.print(f"  curl -sS -H 'x-api-key: {workspace.api_key}' '{search}'")
    out.print(f"  {_program_name()} search 'night nurse' --data {data}")
    out.print(f"  {reference_url(url, workspace.product_id, workspace.project_id)}", markup=False)


def _program_name() -> str:
    """Return the command that runs this program from here."""
    return "everlake" if which("everlake") else str(Path(sys.argv[0]))


def _finish(supervisor: Supervisor, *, stay: bool) -> None:
    if not stay:
        supervisor.stop()
    supervisor.run()
