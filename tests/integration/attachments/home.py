"""A fetcher with a spool of its own, and what it is asked for."""

import hashlib
import threading
from pathlib import Path
from typing import Any

from everlake.attachments.fetch import Fetcher
from everlake.attachments.guard import Guard
from everlake.attachments.spool import Spool
from everlake.attachments.values import Expected, Fetched, FetchLimits

QUICK = FetchLimits(connect_timeout=2, idle_timeout=1, total_timeout=20)
NOTHING = Expected()


class Home:
    """Fetches into ``directory``, from this machine too."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.spool = Spool(directory)
        guard = options.pop("guard", Guard(["127.0.0.1", "::1"]))
        self.fetcher = Fetcher(self.spool, guard, options.pop("limits", QUICK), **options)

    def fetch(
        self, url: str, expected: Expected = NOTHING, *, name: str = "one", **options: Any
    ) -> Fetched:
        stop = options.pop("stop", threading.Event())
        return self.fetcher.fetch(name, url, expected, stop=stop, **options)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def data_of(fetched: Fetched) -> bytes:
    found = fetched.content
    return found if isinstance(found, bytes) else found.read_bytes()
