"""The way outside, as the settings open it."""

from everlake.attachments.fetching.service import Fetcher
from everlake.attachments.fetching.session_pool import validate_proxy_url
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import FetchLimits
from everlake.settings import Settings, SettingsError, variable_name


def check_outbound_settings(settings: Settings) -> list[str]:
    """Return when attachments can be fetched as the settings say: what is opened of the inside.

    Raises:
        SettingsError: a setting is not well formed.
    """
    allowed = _allowed_networks(settings)
    try:
        SsrfGuard(allowed)
    except ValueError as error:
        raise SettingsError(f"{variable_name('attachment_allow')}: {error}") from error
    try:
        validate_proxy_url(settings.attachment_proxy or None)
    except ValueError as error:
        raise SettingsError(f"{variable_name('attachment_proxy')}: {error}") from error
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
        max_redirects=settings.attachment_redirects,
    )
    return Fetcher(
        spool,
        SsrfGuard(check_outbound_settings(settings)),
        limits,
        proxy=settings.attachment_proxy or None,
        connections_per_host=settings.attachment_host_concurrency,
    )


def _allowed_networks(settings: Settings) -> list[str]:
    return [part.strip() for part in settings.attachment_allow.split(",") if part.strip()]
