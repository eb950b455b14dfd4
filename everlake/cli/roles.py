"""``everlake api`` and ``everlake worker``: one role each, for more than one machine."""

from contextlib import nullcontext

from everlake.api import server
from everlake.cli.context import DataOption, load_settings, prepare_catalog
from everlake.cli.serve import DEFAULT_HOST, DEFAULT_PORT, HostOption, PortOption
from everlake.logs import configure_logging
from everlake.runtime.child_process import exit_with_parent
from everlake.runtime.data_locks import api_lock
from everlake.runtime.listener import inherited_listener, listen
from everlake.runtime.roles import api_process_count, start_api
from everlake.worker import service as worker_run


def api(
    host: HostOption = DEFAULT_HOST, port: PortOption = DEFAULT_PORT, data: DataOption = None
) -> None:
    """Run the API alone; everlake worker does the rest.

    Example: everlake api --host 0.0.0.0 --port 8400
    """
    settings = load_settings(data)
    configure_logging(settings.logging.format, settings.logging.level, role="api")
    exit_with_parent()
    shared = inherited_listener()
    listener = shared or listen(host, port)
    with prepare_catalog(settings) as catalog:
        can_be_copied = not catalog.is_shared
    if shared or api_process_count(settings) == 1:
        with api_lock(settings.data_directory) if can_be_copied else nullcontext():
            server.run(settings, listener)
    else:
        start_api(settings, listener).run()


def worker(data: DataOption = None) -> None:
    """Run a worker alone: it lands and analyses what an API has accepted.

    Example: everlake worker
    """
    settings = load_settings(data)
    configure_logging(settings.logging.format, settings.logging.level, role="worker")
    exit_with_parent()
    with prepare_catalog(settings):
        pass
    worker_run.run_worker(settings)
