"""``everlake serve``."""

from everlake.cli.console import out, reference_url
from everlake.cli.options import (
    DataOption,
    HostOption,
    PortOption,
    load_settings,
)
from everlake.logs import configure_logging
from everlake.operations.data_directory import check_data_directory
from everlake.operations.first_workspace import (
    FirstWorkspace,
    ensure_first_workspace,
    has_no_workspace,
)
from everlake.operations.opening import prepared_catalog
from everlake.runtime.data_locks import serve_lock
from everlake.runtime.health import base_url, wait_until_healthy
from everlake.runtime.listener import listen_with_retry
from everlake.runtime.roles import start_serve
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker.attachments.fetcher_factory import check_outbound_settings
from everlake.worker.attachments.speech_settings import load_transcription_options


def serve(host: HostOption = None, port: PortOption = None, data: DataOption = None) -> None:
    """Run everything on this machine: the API and a worker.

    On an empty data directory it creates what everlake init creates, and prints a curl command.

    Example: everlake serve --port 8400
    """
    settings = load_settings(data, host=host, port=port)
    check_outbound_settings(settings)
    load_transcription_options(settings)
    configure_logging(settings.logging.format, settings.logging.level, role="serve")
    open_store(settings.archive_url)
    check_data_directory(settings.data_directory)
    # Before anything is created: the secret of the first key is shown only once.
    listener = listen_with_retry(settings.api.host, settings.api.port)
    with serve_lock(settings.data_directory):
        first = None
        with prepared_catalog(settings) as catalog:
            if has_no_workspace(catalog):
                first = ensure_first_workspace(
                    catalog, max_live_keys=settings.limits.keys_per_workspace
                )
        supervisor = start_serve(settings, listener)
        try:
            wait_until_healthy(supervisor, settings.api.host, settings.api.port)
            if not supervisor.stopping:
                _print_greeting(base_url(settings.api.host, settings.api.port), settings, first)
        except BaseException:
            supervisor.shut_down()
            raise
        supervisor.run()


def _print_greeting(url: str, settings: Settings, first: FirstWorkspace | None) -> None:
    out.print(f"Everlake listens at {url}   API: {url}/docs")
    out.print(f"Data: {settings.data_directory}", markup=False)
    if first is None or first.api_key is None:
        return
    out.print(
        f"Reference with your ids: {reference_url(url, first.product_id, first.project_id)}",
        markup=False,
    )
    out.print("\nYour first API key (shown only now):", markup=False)
    out.print(f"  {first.api_key}", markup=False)
    out.print("\nSend a record:", markup=False)
    out.print(_example_request(url, first), markup=False)
    out.print(f"\nThen look: {url}/api/v1/records with the header x-api-key", markup=False)


def _example_request(url: str, first: FirstWorkspace) -> str:
    return f"""curl {url}/api/v1/ingest \\
  -H 'x-api-key: {first.api_key}' -H 'Content-Type: application/json' \\
  -d '{{"_type":"conversation","_schema_version":"1.0.0","_event_at":"2026-01-15T09:30:00Z",
       "_vendor_ids":{{"chat":"1"}},"_product_id":"{first.product_id}",
       "_project_ids":["{first.project_id}"],
       "data":{{"messages":[{{"from":"Ada","text":"Can the export keep my columns?"}}]}}}}'"""
