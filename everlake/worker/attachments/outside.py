"""The way outside, as the settings open it."""

from everlake.attachments.connections import check_proxy
from everlake.attachments.fetch import Fetcher
from everlake.attachments.guard import Guard
from everlake.attachments.spool import Spool
from everlake.attachments.values import FetchLimits
from everlake.settings import Settings, SettingsError, variable_of


def check_way_outside(settings: Settings) -> list[str]:
    """Return when attachments can be fetched as the settings say: what is opened of the inside.

    Raises:
        SettingsError: a setting is not well formed.
    """
    allowed = _allowed(settings)
    try:
        Guard(allowed)
    except ValueError as error:
        raise SettingsError(f"{variable_of('attachment_allow')}: {error}") from error
    try:
        check_proxy(settings.attachment_proxy or None)
    except ValueError as error:
        raise SettingsError(f"{variable_of('attachment_proxy')}: {error}") from error
    return allowed


def open_fetcher(settings: Settings, spool: Spool) -> Fetcher:
    """What fetches attachments into ``spool``.

    Raises:
        SettingsError: see :func:`check_way_outside`.
    """
    limits = FetchLimits(
        max_bytes=settings.max_attachment_bytes,
        connect_timeout=settings.attachment_connect_timeout,
        idle_timeout=settings.attachment_idle_timeout,
        total_timeout=settings.attachment_total_timeout,
        redirects=settings.attachment_redirects,
    )
    return Fetcher(
        spool,
        Guard(check_way_outside(settings)),
        limits,
        proxy=settings.attachment_proxy or None,
        connections_per_host=settings.attachment_host_concurrency,
    )


def _allowed(settings: Settings) -> list[str]:
    return [part.strip() for part in settings.attachment_allow.split(",") if part.strip()]
