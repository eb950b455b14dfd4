"""A fetcher with a spool of its own, and what it is asked for."""

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
    max_bytes=2 * 1024**3, connect_timeout=2, idle_timeout=1, total_timeout=20, max_redirects=5
)
NO_EXPECTATION = ExpectedContent()


class FetcherFixture:
    """Fetches into ``directory``, from this machine too."""

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
        stop = options.pop("stop", threading.Event())
        return self.fetcher.fetch(name, url, expected, stop=stop, **options)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content_bytes(fetched: SpooledContent) -> bytes:
    found = fetched.content
    return found if isinstance(found, bytes) else found.read_bytes()
