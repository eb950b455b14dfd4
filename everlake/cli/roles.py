"""``everlake api`` and ``everlake worker``: one role each, for several machines."""

from contextlib import nullcontext

from everlake.api import server
from everlake.cli.options import (
    DataOption,
    HostOption,
    PortOption,
    load_settings,
)
from everlake.logs import configure_logging
from everlake.operations.data_directory import check_data_directory
from everlake.operations.opening import prepared_catalog
from everlake.runtime.child_process import exit_with_parent
from everlake.runtime.data_locks import api_lock
from everlake.runtime.listener import inherited_listener, listen
from everlake.runtime.roles import api_process_count, start_api
from everlake.worker.service import run_worker


def api(host: HostOption = None, port: PortOption = None, data: DataOption = None) -> None:
    """Run the API alone; everlake worker does the rest.

    Example: everlake api --host 0.0.0.0 --port 8400
    """
    settings = load_settings(data, host=host, port=port)
    configure_logging(settings.logging.format, settings.logging.level, role="api")
    exit_with_parent()
    check_data_directory(settings.data_directory)
    shared = inherited_listener()
    listener = shared or listen(settings.api.host, settings.api.port)
    with prepared_catalog(settings) as catalog:
        can_be_copied = not catalog.is_shared
    if shared or api_process_count(settings) == 1:
        with api_lock(settings.data_directory) if can_be_copied else nullcontext():
            server.run(settings, listener)
    else:
        start_api(settings, listener).run()


def worker(data: DataOption = None) -> None:
    """Run a worker alone: it processes the batches that an API has accepted.

    Example: everlake worker
    """
    settings = load_settings(data)
    configure_logging(settings.logging.format, settings.logging.level, role="worker")
    exit_with_parent()
    check_data_directory(settings.data_directory)
    with prepared_catalog(settings):
        pass
    run_worker(settings)
