"""``everlake api`` and ``everlake worker``: one role each, for more than one process or machine."""

from everlake.api import server
from everlake.cli.address import check_address
from everlake.cli.context import DataOption, open_catalog, settings_of
from everlake.cli.run import DEFAULT_HOST, DEFAULT_PORT, HostOption, PortOption
from everlake.cli.supervisor import end_with_parent
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
    check_address(host, port)
    with open_catalog(settings):
        pass
    server.run(settings, host, port)


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
