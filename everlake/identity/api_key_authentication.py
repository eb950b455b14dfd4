"""Authentication by API key (contract, Authentication)."""

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor

from everlake.catalog import api_keys
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.ids import KEY_PREFIX
from everlake.identity.errors import IdentityUnavailable, InvalidCredential
from everlake.identity.types import Credential, Principal, PrincipalKind
from everlake.logs import logger
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.timeouts import DATABASE_TIMEOUT_MESSAGE, run_in_pool

CACHE_SECONDS = 0.5
"""How long a verified key is trusted: a revoked one is rejected within a second."""
TOUCH_SECONDS = 5.0
"""Between two writes of last-used times."""
_MAX_CACHED = 10_000
LOOKUP_THREADS = 4

_SECRET = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]{16,256}")

_log = logger()


def api_key_principal(key: ApiKey) -> Principal:
    """Return the principal that an API key stands for."""
    return Principal(
        kind=PrincipalKind.API_KEY,
        id=key.id,
        workspace_id=key.workspace_id,
        permissions=frozenset(key.permissions),
        source=key.source,
    )


class ApiKeyAuthenticator:
    """Verifies API keys against the catalog, with a short cache, and records when they are used.

    Args:
        catalog: has the keys.
        timeout: longest wait for the catalog, in seconds.
    """

    def __init__(self, catalog: Catalog, timeout: float = DATABASE_TIMEOUT_SECONDS) -> None:
        self._catalog = catalog
        self._timeout = timeout
        self._cache: dict[str, tuple[float, Principal]] = {}
        self._last_used: dict[str, int] = {}
        # Of their own: no other work of a request may keep the next one from being identified.
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "lookup")

    async def authenticate(self, credential: Credential | None) -> Principal:
        """See :class:`everlake.identity.authentication.Authenticator`."""
        if credential is None or not _SECRET.fullmatch(credential.secret):
            raise InvalidCredential
        secret = credential.secret
        now = time.monotonic()
        cached = self._cache.get(secret)
        if cached is not None and now < cached[0]:
            principal = cached[1]
        else:
            principal = await self._find_in_time(secret)
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[secret] = (now + CACHE_SECONDS, principal)
        self._last_used[principal.id] = self._catalog.now_ms()
        return principal

    async def _find_in_time(self, secret: str) -> Principal:
        try:
            async with asyncio.timeout(self._timeout):
                return await run_in_pool(self._threads, self._find, secret)
        except TimeoutError:
            raise IdentityUnavailable(DATABASE_TIMEOUT_MESSAGE) from None

    def _find(self, secret: str) -> Principal:
        try:
            with self._catalog.autocommit() as tx:
                key = api_keys.find_live(tx, secret)
        except CatalogError as error:
            raise IdentityUnavailable(str(error)) from error
        if key is None:
            self._cache.pop(secret, None)
            raise InvalidCredential
        return api_key_principal(key)

    async def touch_periodically(self) -> None:
        """Write last-used times every few seconds, until cancelled.

        It runs in a task of its own, so that no request waits for the write.
        """
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            await asyncio.to_thread(self.touch)

    def touch(self) -> None:
        """Write the last-used times that are not written yet.

        Those that cannot be written now are lost, which is logged.
        """
        used, self._last_used = self._last_used, {}
        if not used:
            return
        try:
            with self._catalog.transaction() as tx:
                api_keys.touch(tx, used)
        except CatalogError as error:
            _log.warning("last-used times of API keys not written", reason=str(error))
