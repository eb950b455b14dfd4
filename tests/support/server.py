"""A server for tests: the program as a user starts it, in a data directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

PRODUCT = "prod-1"
PROJECT = "proj-1"
NO_RATE_LIMIT = {"EVERLAKE_RATE_LIMIT": "100000", "EVERLAKE_RATE_BURST": "100000"}
"""Settings for tests that are not about the rate limit."""

_STARTUP_TIMEOUT = 60.0


def run_everlake(
    *arguments: str, data: Path, env: Mapping[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "everlake", *arguments],
        env=environment(data, env),
        check=check,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_everlake_json(*arguments: str, data: Path, env: Mapping[str, str] | None = None) -> Any:
    """Run a command with ``--json``; return the only line of its output."""
    return json.loads(run_everlake(*arguments, "--json", data=data, env=env).stdout)


def environment(data: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a process of the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVERLAKE_")}
    ours = {
        "EVERLAKE_DATA": str(data),
        "EVERLAKE_LOG_FORMAT": "json",
        # So that the process that a test starts is the one that serves its requests.
        "EVERLAKE_API_PROCESSES": "1",
    }
    return {**kept, **ours, **(env or {})}


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class EverlakeServer:
    """A process of one role: ``serve``, ``api`` or ``worker``."""

    def __init__(self, role: str, data: Path, env: Mapping[str, str] | None = None) -> None:
        self.role = role
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = data / f"{role}.log"
        self._env = environment(data, env)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, and wait until it answers (a worker: do not wait)."""
        listen = [] if self.role == "worker" else ["--port", str(self.port)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "everlake", self.role, *listen],
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if listen:
            self._wait_until_up()

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _STARTUP_TIMEOUT
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.role} ended: {self.log()}"
            try:
                if httpx.get(self.url + "/healthz", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"{self.role} does not answer: {self.log()}")

    def log(self) -> str:
        """Return the output of the process."""
        return self.log_path.read_text()

    def stop(self) -> int:
        """End the process with SIGTERM; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self) -> None:
        """End the process and its children with SIGKILL."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@contextmanager
def running_server(
    role: str, data: Path, env: Mapping[str, str] | None = None
) -> Generator[EverlakeServer]:
    """Run a server for the length of a block."""
    server = EverlakeServer(role, data, env)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


class ApiClient:
    """Client of a server's API with one key, and records for the key's workspace."""

    def __init__(self, url: str, setup: Mapping[str, str]) -> None:
        self.url = url
        self.setup = dict(setup)
        self.http = httpx.Client(
            base_url=url, headers={"x-api-key": setup["api_key"]}, timeout=60, trust_env=False
        )

    def record(self, **changes: Any) -> dict[str, Any]:
        """Return a valid record with some members changed; ``...`` leaves one out."""
        record: dict[str, Any] = {
            "_type": "message",
            "_schema_version": "1.0.0",
            "_event_at": "2026-03-01T10:00:00Z",
            "_vendor_ids": {"id": "1"},
            "_product_id": self.setup["product_id"],
            "_project_ids": [self.setup["project_id"]],
            "data": {"text": "hello"},
        }
        record |= changes
        return {name: value for name, value in record.items() if value is not ...}

    def post(self, body: Any, **options: Any) -> httpx.Response:
        """POST to the ingest endpoint: bytes as they are, anything else as JSON."""
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post("/api/v1/ingest", content=content, headers=headers, **options)

    def accept(self, body: Any, **options: Any) -> str:
        """Submit a valid body; return the id of its batch."""
        response = self.post(body, **options)
        assert response.status_code == 202, response.text
        return response.json()["batchId"]

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch."""
        return self.http.get(f"/api/v1/ingest/batches/{batch_id}").json()

    def wait_until_complete(self, *batch_ids: str, within: float = 60.0) -> None:
        """Wait until the batches are ``COMPLETE``."""
        deadline = time.monotonic() + within
        for batch_id in batch_ids:
            while (batch := self.batch(batch_id))["status"] != "COMPLETE":
                assert batch["status"] != "FAILED", batch
                assert time.monotonic() < deadline, batch
                time.sleep(0.02)
