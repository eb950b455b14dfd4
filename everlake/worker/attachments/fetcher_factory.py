"""Opens the fetcher of attachments that the settings describe."""

from everlake.attachments.fetching.service import Fetcher
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import FetchLimits
from everlake.attachments.fetching.url import validate_proxy_url
from everlake.attachments.spooling.spool import Spool
from everlake.settings import Settings, SettingsError, variable_name


def check_outbound_settings(settings: Settings) -> list[str]:
    """Check the settings of outbound connections.

    Returns:
        the private hosts, addresses and networks that attachments may be fetched from.

    Raises:
        SettingsError: a setting is not well formed.
    """
    allowed = _allowed_networks(settings)
    try:
        SsrfGuard(allowed)
    except ValueError as error:
        raise SettingsError(f"{variable_name('attachment_allow')}: {error}") from error
    try:
        if settings.fetching.proxy:
            validate_proxy_url(settings.fetching.proxy)
    except ValueError as error:
        raise SettingsError(f"{variable_name('attachment_proxy')}: {error}") from error
    return allowed


def open_fetcher(settings: Settings, spool: Spool) -> Fetcher:
    """Open a fetcher that puts content into ``spool``.

    Raises:
        SettingsError: a setting is not well formed.
    """
    limits = FetchLimits(
        max_bytes=settings.limits.attachment_bytes,
        connect_timeout=settings.fetching.connect_timeout,
        idle_timeout=settings.fetching.idle_timeout,
        total_timeout=settings.fetching.total_timeout,
        max_redirects=settings.fetching.max_redirects,
    )
    return Fetcher(
        spool,
        SsrfGuard(check_outbound_settings(settings)),
        limits,
        proxy=settings.fetching.proxy or None,
        connections_per_host=settings.fetching.host_concurrency,
    )


def _allowed_networks(settings: Settings) -> list[str]:
    return [part.strip() for part in settings.fetching.allow.split(",") if part.strip()]
