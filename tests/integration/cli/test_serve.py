"""``everlake serve``: started, stopped, killed and restarted."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.support.processes import child_processes, is_alive, process_tree, wait_until
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    environment,
    free_port,
    run_everlake,
    run_everlake_json,
    running_server,
)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("serve")
    return {**run_everlake_json("init", data=data), "data": str(data)}


@pytest.fixture(scope="module")
def shared(setup: Mapping[str, str]) -> Iterator[EverlakeServer]:
    """A server for the tests that leave it running."""
    with running_server("serve", Path(setup["data"]), NO_RATE_LIMIT) as server:
        yield server


def set_up(data: Path) -> dict[str, str]:
    return run_everlake_json("init", data=data)


def refused(*arguments: str, data: Path, env: Mapping[str, str] | None = None) -> str:
    """Return the error output of a command that ends with exit code 1."""
    done = run_everlake(*arguments, data=data, env=env, check=False)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_curl_that_is_printed_works_as_it_is_pasted(tmp_path: Path) -> None:
    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        wait_until(lambda: "Then look:" in server.log(), "it does not greet")
        said = server.log()
        curl = said[said.index("curl ") : said.index("\n\nThen look")]
        answer = json.loads(_pasted(curl))
        [key] = set(re.findall(r"em_sk_[\w-]+", said))
        api = ApiClient(server.url, {"api_key": key, "product_id": "", "project_id": ""})

        assert answer["acceptedCount"] == 1
        api.wait_until_complete(answer["batchId"])
        found = api.http.get("/api/v1/search", params={"q": "export columns"}).json()
        [hit] = found["results"]
        assert hit["speaker"] == "Ada"
        assert server.stop() == 0

    # Only once: a second start has nothing to tell but where it listens.
    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        wait_until(lambda: "Data: " in server.log()[len(said) :], "it does not greet")
        assert "em_sk_" not in server.log()[len(said) :]


def _pasted(command: str) -> str:
    if shutil.which("curl"):
        command = command.replace("curl ", "curl --silent --noproxy '*' ", 1)
        return subprocess.run(
            ["sh", "-c", command], check=True, capture_output=True
        ).stdout.decode()
    words = (
        subprocess.run(
            ["sh", "-c", command.replace("curl ", "printf '%s\\0' ", 1)],
            check=True,
            capture_output=True,
        )
        .stdout.decode()
        .split("\0")
    )
    headers = [words[n + 1].partition(": ") for n, word in enumerate(words) if word == "-H"]
    return httpx.post(
        words[0],
        headers={name: value for name, _, value in headers},
        content=words[words.index("-d") + 1].encode(),
        trust_env=False,
    ).text


def test_no_process_carries_what_it_does_not_use(shared: EverlakeServer) -> None:
    """pyarrow loads pandas wherever it is installed, as it is for the tests."""
    assert find_spec("pandas") is not None
    pids = [pid for found in child_processes(shared).values() for pid in found]

    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in pids]

    assert len(maps) == 2
    assert all("/pyarrow/" in one and "/pandas/" not in one for one in maps)


def test_a_second_server_on_the_same_data_refuses_and_says_who_is_there(
    shared: EverlakeServer,
) -> None:
    assert shared.process is not None

    said = refused("serve", "--port", str(free_port()), data=shared.data)

    assert f"another everlake (process {shared.process.pid}) serves {shared.data}" in said
    assert "--data" in said
    assert httpx.get(shared.url + "/healthz", trust_env=False).is_success


@pytest.mark.parametrize("role", ["api", "worker"])
def test_a_child_that_is_killed_is_started_again(
    shared: EverlakeServer, setup: dict[str, str], role: str
) -> None:
    assert set(child_processes(shared)) == {"api", "worker"}
    before = child_processes(shared)[role]
    os.kill(before[0], signal.SIGKILL)
    wait_until(
        lambda: len(set(child_processes(shared).get(role, [])) - {before[0]}) == len(before),
        "no new one",
    )

    api = ApiClient(shared.url, setup)
    deadline = time.monotonic() + 60
    while True:
        try:
            batch_id = api.accept([api.record()])
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, shared.log()
            time.sleep(0.05)
    api.wait_until_complete(batch_id)
    assert '"process ended"' in shared.log()


@pytest.mark.parametrize("role", ["serve", "api"])
def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, role: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = refused(role, "--port", str(port), data=tmp_path)

    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "choose another --host or --port" in said


@pytest.mark.parametrize("role", ["serve", "api", "worker"])
def test_a_database_that_cannot_be_opened_is_a_clear_error(tmp_path: Path, role: str) -> None:
    port = [] if role == "worker" else ["--port", str(free_port())]
    said = refused(
        role, *port, data=tmp_path, env={"EVERLAKE_DATABASE_URL": "sqlite:////proc/x/y.db"}
    )

    assert "cannot be opened" in said


def test_a_server_that_is_told_to_stop_loses_no_request(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    accepted: list[str] = []
    cut_off: list[Exception] = []
    stopping = threading.Event()

    def send(number: int) -> None:
        api = ApiClient(server.url, setup)
        for turn in range(100_000):
            record = api.record(_vendor_ids={"id": f"{number}-{turn}"})
            try:
                response = api.post([record] * 5)
            except httpx.ConnectError:
                return
            except httpx.TransportError as error:
                cut_off.append(error)
                return
            if response.status_code == 202:
                accepted.append(response.json()["batchId"])
            else:
                assert stopping.is_set(), response.text
                assert response.status_code == 503, response.text

    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(accepted) > 100, "nothing is accepted")
        stopping.set()
        started = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - started
        for thread in threads:
            thread.join()
    assert took < 10, "the promise is ten seconds"

    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        ApiClient(server.url, setup).wait_until_complete(*accepted)
        assert server.stop() == 0
    # A connection that waits for its next request may be closed; one with a request in hand
    # is answered first.
    assert all(isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) for error in cut_off)


def test_what_is_in_hand_is_answered_and_what_is_idle_is_not_waited_for(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    with running_server("api", tmp_path, NO_RATE_LIMIT) as server:
        api = ApiClient(server.url, setup)
        body = json.dumps([api.record()]).encode()
        half_sent, stopped = threading.Event(), threading.Event()

        def slowly() -> Iterator[bytes]:
            yield body[:20]
            half_sent.set()
            stopped.wait(30)
            time.sleep(0.5)
            yield body[20:]

        answers: list[httpx.Response] = []
        sending = threading.Thread(
            target=lambda: answers.append(
                api.http.post(
                    "/api/v1/ingest",
                    content=slowly(),
                    headers={"content-type": "application/json"},
                )
            )
        )
        other = ApiClient(server.url, setup)
        assert other.http.get("/api/v1/products").is_success  # its connection stays open
        sending.start()
        half_sent.wait(30)
        with socket.create_connection(("127.0.0.1", server.port)) as silent:
            silent.send(b"POST /api/v1/ingest HTTP/1.1\r\nHost: x\r\n")
            time.sleep(0.2)
            started = time.monotonic()
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            stopped.set()
            assert server.process.wait(20) == 0
            took = time.monotonic() - started
        sending.join()

    assert [answer.status_code for answer in answers] == [202]
    assert took < 10, "the promise is ten seconds"


def test_an_interrupt_from_the_keyboard_ends_a_server_and_its_children(tmp_path: Path) -> None:
    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        assert server.process is not None
        ended = process_tree(server.process.pid)[1:]
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0

    assert len(ended) >= 2
    assert not any(is_alive(pid) for pid in ended)
    assert "Traceback" not in server.log()


def test_the_children_of_a_parent_that_is_killed_end_too(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    server = EverlakeServer("serve", tmp_path, NO_RATE_LIMIT)
    server.start()
    assert server.process is not None
    orphans = process_tree(server.process.pid)[1:]
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in orphans), "they go on", timeout=15)

    with running_server("serve", tmp_path, NO_RATE_LIMIT) as again:
        api = ApiClient(again.url, setup)
        api.wait_until_complete(api.accept([api.record()]))
        assert again.stop() == 0


def test_a_log_on_a_full_disk_stops_no_work(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    port = free_port()
    # /dev/full refuses every write as a full disk does.
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - it is no file to be looked into
        process = subprocess.Popen(
            [sys.executable, "-m", "everlake", "serve", "--port", str(port)],
            env={**environment(tmp_path, NO_RATE_LIMIT), "EVERLAKE_LOG_LEVEL": "debug"},
            stdout=subprocess.DEVNULL,
            stderr=full,
        )
    try:
        api = ApiClient(f"http://127.0.0.1:{port}", setup)

        def up() -> bool:
            try:
                return api.http.get("/healthz").is_success
            except httpx.TransportError:
                return False

        wait_until(up, "it does not come up")
        api.wait_until_complete(*(api.accept([api.record()]) for _ in range(3)))
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_the_roles_work_apart_as_well(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    with (
        running_server("api", tmp_path, NO_RATE_LIMIT) as alone,
        running_server("worker", tmp_path, NO_RATE_LIMIT) as worker,
    ):
        api = ApiClient(alone.url, setup)
        api.wait_until_complete(*(api.accept([api.record()]) for _ in range(3)))
        assert worker.stop() == 0
        assert alone.stop() == 0


def test_the_demo_shows_what_comes_out_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "everlake", "demo", "--no-stay", "--port", str(free_port())],
        env=environment(tmp_path),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "batches are COMPLETE" in done.stdout
    assert "email_thread" in done.stdout
    assert (tmp_path / "everlake-demo" / "everlake.db").exists()
