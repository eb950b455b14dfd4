"""``everlake api`` and ``everlake worker``: one role each, for more than one machine."""

from contextlib import nullcontext

from everlake.api import server
from everlake.cli.context import DataOption, open_catalog, settings_of
from everlake.cli.listener import inherited, listen
from everlake.cli.run import DEFAULT_HOST, DEFAULT_PORT, HostOption, PortOption, supervise
from everlake.cli.supervisor import among_apis, api_children, api_count, end_with_parent
from everlake.logs import configure
from everlake.worker import run as worker_run


def api(
    host: HostOption = DEFAULT_HOST, port: PortOption = DEFAULT_PORT, data: DataOption = None
) -> None:
    """Run the API alone; everlake worker does the rest.

    Example: everlake api --host 0.0.0.0 --port 8400
    """
    settings = settings_of(data)
    configure(settings.log_format, settings.log_level, role="api")
    end_with_parent()
    shared = inherited()
    listener = shared or listen(host, port)
    with open_catalog(settings) as catalog:
        can_be_copied = not catalog.is_shared
    if shared or api_count(settings) == 1:
        with among_apis(settings.data_directory) if can_be_copied else nullcontext():
            server.run(settings, listener)
    else:
        supervise(api_children(settings, listener), listener).run()


def worker(data: DataOption = None) -> None:
    """Run a worker alone: it lands and analyses what an API has accepted.

    Example: everlake worker
    """
    settings = settings_of(data)
    configure(settings.log_format, settings.log_level, role="worker")
    end_with_parent()
    with open_catalog(settings):
        pass
    worker_run.run(settings)
