"""S3 server for tests, on a free port: moto over HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx

from tests.support.server import free_port

PAGE_SIZE = 100
"""Keys in a page of a list; AWS has ten times as many."""
_PROGRAM = Path(__file__).with_name("s3_process.py")
_SETTINGS = {"MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE_SIZE), "MOTO_DISABLE_GLOBAL_CORS": "true"}
_UP_SECONDS = 30.0
_NAMES = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
"""The server requires a signature and does not verify it."""
_NUMBERS = count()


class S3Server:
    """An S3 server, and direct access to its buckets; :meth:`start` starts it.

    Args:
        folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(
            base_url=self.url, headers={"authorization": _SIGNED}, trust_env=False, timeout=30
        )

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with (self._folder / "s3.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, _PROGRAM, str(self.port)],
                env={**os.environ, **_SETTINGS},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _UP_SECONDS
        while True:
            try:
                self._http.get("/")
            except httpx.TransportError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self._folder / "s3.log").read_text()[-2_000:]) from None
                time.sleep(0.05)
            else:
                return

    @property
    def pid(self) -> int | None:
        """Process id while the server runs."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """Stop the server, and lose its content."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._http.close()

    def new_bucket(self) -> str:
        """Create a bucket, and return its name."""
        name = f"bucket-{next(_NUMBERS)}"
        self._http.put(f"/{name}").raise_for_status()
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Write an object."""
        self._http.put(f"/{bucket}/{quote(key)}", content=data).raise_for_status()

    def get(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""
        return self._http.get(f"/{bucket}/{quote(key)}").raise_for_status().content

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self._http.delete(f"/{bucket}/{quote(key)}").raise_for_status()

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of all objects, sorted."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            page = ET.fromstring(  # noqa: S314 - our own server's
                self._http.get(f"/{bucket}", params=query).raise_for_status().content
            )
            found += [key.text or "" for key in page.iterfind(f"{_NAMES}Contents/{_NAMES}Key")]
            following = page.findtext(f"{_NAMES}NextContinuationToken")
            if following is None:
                return sorted(found)
            query["continuation-token"] = following


def s3_environment(url: str) -> Mapping[str, str]:
    """Return the environment of a process that uses the server at ``url``."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Run a server for the length of a block."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
