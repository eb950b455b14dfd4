"""``everlake init`` and ``serve``."""

import http.client
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from everlake.cli import setup
from everlake.cli.context import (
    DataOption,
    JsonOption,
    err,
    fail,
    open_catalog,
    out,
    print_json,
    settings_of,
)
from everlake.cli.listener import AddressInUse, listen
from everlake.cli.setup import Setup
from everlake.cli.supervisor import Child, Supervisor, api_children, only_one
from everlake.logs import configure
from everlake.settings import Settings, environment_of
from everlake.storage import open_store
from everlake.worker.attachments.outside import check_way_outside
from everlake.worker.attachments.speech import check_speech

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400
_UP_SECONDS = 30.0
_ADDRESS_SECONDS = 2.0

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
    settings = settings_of(data)
    with open_catalog(settings) as catalog:
        made = setup.ensure(
            catalog,
            product_id=product_id,
            project_id=project_id,
            source=source,
            most_live=settings.max_keys,
        )
    if json:
        print_json(made)
    else:
        _say(made)
    if made.api_key is None:
        err.print("The key is not new, so its secret is not shown: everlake keys create makes one.")


def serve(
    host: HostOption = DEFAULT_HOST, port: PortOption = DEFAULT_PORT, data: DataOption = None
) -> None:
    """Run everything on this machine: the API and a worker.

    On an empty data directory it does what init does first, and prints a curl to try.

    Example: everlake serve --port 8400
    """
    settings = settings_of(data)
    check_way_outside(settings)
    check_speech(settings)
    configure(settings.log_format, settings.log_level, role="serve")
    open_store(settings.archive_url)
    with only_one(settings.data_directory):
        made = None
        with open_catalog(settings) as catalog:
            if setup.is_empty(catalog):
                made = setup.ensure(catalog, most_live=settings.max_keys)
        supervisor = start(settings, host, port)
        try:
            wait_until_up(supervisor, host, port)
            if not supervisor.stopping:
                _greet(host, port, settings, made)
        except BaseException:
            supervisor.end()
            raise
        supervisor.run()


def start(settings: Settings, host: str, port: int) -> Supervisor:
    """Start the API and a worker, stopped by SIGTERM and SIGINT.

    Raises:
        AddressInUse: another program listens there.
    """
    listener = _claim_address(host, port)
    worker = Child(["worker"], environment_of(settings))
    return supervise([*api_children(settings, listener), worker], listener)


def supervise(children: Sequence[Child], listener: socket.socket) -> Supervisor:
    """Start the children, stopped by SIGTERM and SIGINT."""
    supervisor = Supervisor(children, listener)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    supervisor.start()
    return supervisor


def _claim_address(host: str, port: int) -> socket.socket:
    """The socket to listen at; the children of a killed parent take a moment to leave it."""
    deadline = time.monotonic() + _ADDRESS_SECONDS
    while True:
        try:
            return listen(host, port)
        except AddressInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def wait_until_up(supervisor: Supervisor, host: str, port: int) -> None:
    """Return when the API answers, or the end has been asked for.

    Raises:
        CommandError: it does not come up.
    """
    deadline = time.monotonic() + _UP_SECONDS
    while not supervisor.stopping:
        try:
            _ask(_reachable(host), port)
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                fail("the API does not come up: its log lines above say why")
            time.sleep(0.02)
        else:
            return


def _ask(host: str, port: int) -> None:
    """One small request: connections are taken before there is anybody to answer."""
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def url_of(host: str, port: int) -> str:
    """The base URL under which this machine reaches the API."""
    reachable = _reachable(host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _say(made: Setup) -> None:
    for name in ("workspace_id", "product_id", "project_id", "key_id", "api_key"):
        value = getattr(made, name)
        if value is not None:
            out.print(f"{name:<13}{value}", markup=False)


def _greet(host: str, port: int, settings: Settings, made: Setup | None) -> None:
    url = url_of(host, port)
    out.print(f"Everlake listens at {url}   API: {url}/docs")
    out.print(f"Data: {_short(settings.data_directory)}", markup=False)
    if made is None or made.api_key is None:
        return
    out.print("\nYour first API key (shown this once):", markup=False)
    out.print(f"  {made.api_key}", markup=False)
    out.print("\nSend a record:", markup=False)
    out.print(_curl(url, made), markup=False)
    out.print(f"\nThen look: {url}/api/v1/records with the header x-api-key", markup=False)


def _curl(url: str, made: Setup) -> str:
    return f"""curl {url}/api/v1/ingest \\
  -H 'x-api-key: {made.api_key}' -H 'Content-Type: application/json' \\
  -d '{{"_type":"conversation","_schema_version":"1.0.0","_event_at":"2026-01-15T09:30:00Z",
       "_vendor_ids":{{"chat":"1"}},"_product_id":"{made.product_id}",
       "_project_ids":["{made.project_id}"],
       "data":{{"messages":[{{"from":"Ada","text":"Can the export keep my columns?"}}]}}}}'"""


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
