"""``everlake init`` and ``serve``."""

from pathlib import Path
from typing import Annotated

import typer

from everlake.cli.context import (
    DataOption,
    JsonOption,
    err,
    load_settings,
    out,
    prepare_catalog,
    print_json,
)
from everlake.logs import configure_logging
from everlake.operations import first_workspace
from everlake.operations.first_workspace import FirstWorkspace
from everlake.runtime.data_locks import serve_lock
from everlake.runtime.health import base_url, wait_until_healthy
from everlake.runtime.roles import start_serve
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker.attachments.fetcher_factory import check_outbound_settings
from everlake.worker.attachments.speech_settings import load_transcription_options

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400

HostOption = Annotated[str, typer.Option("--host", help="Address to listen at.")]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")]


def init(
    product_id: Annotated[
        str | None, typer.Option("--product-id", help="Id of the product; made up if left out.")
    ] = None,
    project_id: Annotated[
        str | None, typer.Option("--project-id", help="Id of the project; made up if left out.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Source of the key, such as slack.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a first workspace, product, project and key.

    Safe to call again: what is there stays, and a key's secret is shown only when it is made.

    Example: everlake init --product-id prod-abc --project-id proj-abc --json
    """
    settings = load_settings(data)
    with prepare_catalog(settings) as catalog:
        made = first_workspace.ensure_first_workspace(
            catalog,
            product_id=product_id,
            project_id=project_id,
            source=source,
            max_live_keys=settings.limits.keys_per_workspace,
        )
    if json:
        print_json(made)
    else:
        _print_first_workspace(made)
    if made.api_key is None:
        err.print("The key is not new, so its secret is not shown: everlake keys create makes one.")


def serve(
    host: HostOption = DEFAULT_HOST, port: PortOption = DEFAULT_PORT, data: DataOption = None
) -> None:
    """Run everything on this machine: the API and a worker.

    On an empty data directory it does what init does first, and prints a curl to try.

    Example: everlake serve --port 8400
    """
    settings = load_settings(data)
    check_outbound_settings(settings)
    load_transcription_options(settings)
    configure_logging(settings.logging.format, settings.logging.level, role="serve")
    open_store(settings.archive_url)
    with serve_lock(settings.data_directory):
        made = None
        with prepare_catalog(settings) as catalog:
            if first_workspace.has_no_workspace(catalog):
                made = first_workspace.ensure_first_workspace(
                    catalog, max_live_keys=settings.limits.keys_per_workspace
                )
        supervisor = start_serve(settings, host, port)
        try:
            wait_until_healthy(supervisor, host, port)
            if not supervisor.stopping:
                _print_greeting(host, port, settings, made)
        except BaseException:
            supervisor.shut_down()
            raise
        supervisor.run()


def _print_first_workspace(made: FirstWorkspace) -> None:
    for name in ("workspace_id", "product_id", "project_id", "key_id", "api_key"):
        value = getattr(made, name)
        if value is not None:
            out.print(f"{name:<13}{value}", markup=False)


def _print_greeting(host: str, port: int, settings: Settings, made: FirstWorkspace | None) -> None:
    url = base_url(host, port)
    out.print(f"Everlake listens at {url}   API: {url}/docs")
    out.print(f"Data: {_relative_path(settings.data_directory)}", markup=False)
    if made is None or made.api_key is None:
        return
    out.print("\nYour first API key (shown this once):", markup=False)
    out.print(f"  {made.api_key}", markup=False)
    out.print("\nSend a record:", markup=False)
    out.print(_example_request(url, made), markup=False)
    out.print(f"\nThen look: {url}/api/v1/records with the header x-api-key", markup=False)


def _example_request(url: str, made: FirstWorkspace) -> str:
    return f"""curl {url}/api/v1/ingest \\
  -H 'x-api-key: {made.api_key}' -H 'Content-Type: application/json' \\
  -d '{{"_type":"conversation","_schema_version":"1.0.0","_event_at":"2026-01-15T09:30:00Z",
       "_vendor_ids":{{"chat":"1"}},"_product_id":"{made.product_id}",
       "_project_ids":["{made.project_id}"],
       "data":{{"messages":[{{"from":"Ada","text":"Can the export keep my columns?"}}]}}}}'"""


def _relative_path(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
