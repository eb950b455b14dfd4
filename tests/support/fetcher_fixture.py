"""Fetcher with a spool of its own."""

import hashlib
import threading
from pathlib import Path
from typing import Any

from everlake.attachments.fetching.service import Fetcher
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import FetchLimits
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import ExpectedContent, SpooledContent

SHORT_LIMITS = FetchLimits(
    max_bytes=2 * 1024**3, connect_timeout=5, idle_timeout=3, total_timeout=30, max_redirects=5
)
NO_EXPECTATION = ExpectedContent()


class FetcherFixture:
    """Fetcher that is allowed to request this machine.

    Args:
        directory: directory of the spool.
        **options: ``guard`` and ``limits`` in place of the defaults, and those of
            :class:`~everlake.attachments.fetching.service.Fetcher`.
    """

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.spool = Spool(directory)
        guard = options.pop("guard", SsrfGuard(["127.0.0.1", "::1"]))
        limits = options.pop("limits", SHORT_LIMITS)
        options.setdefault("connections_per_host", 4)
        self.fetcher = Fetcher(self.spool, guard, limits, **options)

    def fetch(
        self,
        url: str,
        expected: ExpectedContent = NO_EXPECTATION,
        *,
        name: str = "one",
        **options: Any,
    ) -> SpooledContent:
        """Fetch a URL; ``options`` as in ``Fetcher.fetch``."""
        stop = options.pop("stop", threading.Event())
        return self.fetcher.fetch(name, url, expected, stop=stop, **options)

    @property
    def files(self) -> list[str]:
        """Names of the files in the spool."""
        return sorted(path.name for path in self.directory.iterdir())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content_bytes(fetched: SpooledContent) -> bytes:
    """Return spooled content, wherever it is."""
    content = fetched.content
    return content if isinstance(content, bytes) else content.read_bytes()
