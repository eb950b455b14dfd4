"""Who is asking: from a request's headers to a live API key (contract, Authentication)."""

import asyncio
import re
import time
from collections.abc import Iterable

from everlake.catalog import keys
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.keys import ApiKey
from everlake.contract.batch import Permission
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.ids import KEY_PREFIX
from everlake.ingest.asking import PATIENCE, ask, unavailable
from everlake.logs import logger

REMEMBER_SECONDS = 0.5
"""How long a key is trusted without a look: a revoked one must be out within a second."""
TOUCH_SECONDS = 5.0
_MOST_REMEMBERED = 10_000

_SECRET = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]{16,256}")

_log = logger()


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The secret in ``x-api-key`` or ``Authorization: Bearer``, or None where there is none."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            bearer = token.strip() if scheme.lower() == "bearer" else None
    return bearer


class Authenticator:
    """Looks keys up, remembers them for half a second, and writes down when they were used."""

    def __init__(self, catalog: Catalog, patience: float = PATIENCE) -> None:
        self._catalog = catalog
        self._patience = patience
        self._live: dict[str, tuple[float, ApiKey]] = {}
        self._used: dict[str, int] = {}

    async def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> ApiKey:
        """The live key that a request carries.

        Raises:
            WireError: ``UNAUTHORIZED``, or ``UNAVAILABLE`` when the catalog cannot be asked.
        """
        secret = secret_of(headers)
        if not secret or not _SECRET.fullmatch(secret):
            raise _unauthorized()
        now = time.monotonic()
        remembered = self._live.get(secret)
        if remembered is not None and now < remembered[0]:
            key = remembered[1]
        else:
            key = await ask(self._patience, self._look_up, secret)
            if len(self._live) >= _MOST_REMEMBERED:
                self._live.clear()
            self._live[secret] = (now + REMEMBER_SECONDS, key)
        self._used[key.id] = self._catalog.now_ms()
        return key

    def _look_up(self, secret: str) -> ApiKey:
        try:
            with self._catalog.look() as tx:
                key = keys.find_live(tx, secret)
        except CatalogError as error:
            raise unavailable(str(error)) from error
        if key is None:
            self._live.pop(secret, None)
            raise _unauthorized()
        return key

    async def keep_touching(self) -> None:
        """Write last-used times every few seconds, off the way of the requests, until cancelled."""
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            await asyncio.to_thread(self.touch)

    def touch(self) -> None:
        """Write the last-used times that have not been written yet."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            with self._catalog.write() as tx:
                keys.touch(tx, used)
        except CatalogError as error:
            _log.warning("last-used times not written", reason=str(error))


def require(key: ApiKey, permissions: Iterable[Permission]) -> None:
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


def _unauthorized() -> WireError:
    return WireError(
        ErrorCode.UNAUTHORIZED,
        "A live API key is needed: send it as x-api-key or as Authorization: Bearer.",
    )
