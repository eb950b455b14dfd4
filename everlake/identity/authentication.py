"""Who is asking: from a request's headers to a live API key (contract, Authentication)."""

import asyncio
import re
import time
from collections.abc import Iterable

from everlake.catalog import api_keys
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.contract.ids import KEY_PREFIX
from everlake.contract.permissions import Permission
from everlake.logs import logger
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.timeouts import run_with_timeout

CACHE_SECONDS = 0.5
"""How long a key is trusted without a look: a revoked one must be out within a second."""
TOUCH_SECONDS = 5.0
_MAX_CACHED = 10_000

_SECRET = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]{16,256}")

_log = logger()


def secret_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The secret in ``x-api-key`` or ``Authorization: Bearer``, or None where there is none."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            bearer = token.strip() if scheme.lower() == "bearer" else None
    return bearer


class ApiKeyAuthenticator:
    """Looks keys up, remembers them for half a second, and writes down when they were used."""

    def __init__(self, catalog: Catalog, timeout: float = DATABASE_TIMEOUT_SECONDS) -> None:
        self._catalog = catalog
        self._timeout = timeout
        self._cache: dict[str, tuple[float, ApiKey]] = {}
        self._last_used: dict[str, int] = {}

    async def authenticate(self, headers: Iterable[tuple[bytes, bytes]]) -> ApiKey:
        """The live key that a request carries.

        Raises:
            WireError: ``UNAUTHORIZED``, or ``UNAVAILABLE`` when the catalog cannot be asked.
        """
        secret = secret_from_headers(headers)
        if not secret or not _SECRET.fullmatch(secret):
            raise _unauthorized_error()
        now = time.monotonic()
        remembered = self._cache.get(secret)
        if remembered is not None and now < remembered[0]:
            key = remembered[1]
        else:
            key = await run_with_timeout(self._timeout, self._find_key, secret)
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[secret] = (now + CACHE_SECONDS, key)
        self._last_used[key.id] = self._catalog.now_ms()
        return key

    def _find_key(self, secret: str) -> ApiKey:
        try:
            with self._catalog.autocommit() as tx:
                key = api_keys.find_live(tx, secret)
        except CatalogError as error:
            raise unavailable(str(error)) from error
        if key is None:
            self._cache.pop(secret, None)
            raise _unauthorized_error()
        return key

    async def touch_periodically(self) -> None:
        """Write last-used times every few seconds, off the way of the requests, until cancelled."""
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            await asyncio.to_thread(self.touch)

    def touch(self) -> None:
        """Write the last-used times that have not been written yet."""
        used, self._last_used = self._last_used, {}
        if not used:
            return
        try:
            with self._catalog.transaction() as tx:
                api_keys.touch(tx, used)
        except CatalogError as error:
            _log.warning("last-used times not written", reason=str(error))


def require_permission(key: ApiKey, permissions: Iterable[Permission]) -> None:
    """Return when the key has one of ``permissions``.

    Raises:
        WireError: ``FORBIDDEN``.
    """
    wanted = tuple(permissions)
    if not set(wanted).intersection(key.permissions):
        raise WireError(
            ErrorCode.FORBIDDEN,
            f"This key lacks the permission {' or '.join(wanted)}: use a key that has it.",
        )


def _unauthorized_error() -> WireError:
    return WireError(
        ErrorCode.UNAUTHORIZED,
        "A live API key is needed: send it as x-api-key or as Authorization: Bearer.",
    )
