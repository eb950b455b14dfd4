"""``everlake serve`` as it is started and stopped, killed and started again."""

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

from tests.integration.processes import alive, children, tree, until
from tests.integration.server import (
    FAST,
    Api,
    Server,
    environment,
    everlake,
    everlake_json,
    free_port,
    running,
)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("serve")
    return {**everlake_json("init", data=data), "data": str(data)}


@pytest.fixture(scope="module")
def shared(setup: Mapping[str, str]) -> Iterator[Server]:
    """A server for the tests that leave it running."""
    with running("serve", Path(setup["data"]), FAST) as server:
        yield server


def set_up(data: Path) -> dict[str, str]:
    return everlake_json("init", data=data)


def refused(*arguments: str, data: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command says that ends with exit code 1."""
    done = everlake(*arguments, data=data, env=env, check=False)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_curl_that_is_printed_works_as_it_is_pasted(tmp_path: Path) -> None:
    with running("serve", tmp_path, FAST) as server:
        until(lambda: "Then look:" in server.log(), "it does not greet")
        said = server.log()
        curl = said[said.index("curl ") : said.index("\n\nThen look")]
        answer = json.loads(_pasted(curl))
        [key] = set(re.findall(r"em_sk_[\w-]+", said))
        api = Api(server.url, {"api_key": key, "product_id": "", "project_id": ""})

        assert answer["acceptedCount"] == 1
        api.complete(answer["batchId"])
        found = api.http.get("/api/v1/search", params={"q": "export columns"}).json()
        [hit] = found["results"]
        assert hit["speaker"] == "Ada"
        assert server.stop() == 0

    # Only once: a second start has nothing to tell but where it listens.
    with running("serve", tmp_path, FAST) as server:
        until(lambda: "Data: " in server.log()[len(said) :], "it does not greet")
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


def test_no_process_carries_what_it_does_not_use(shared: Server) -> None:
    """pyarrow loads pandas wherever it is installed, as it is for the tests."""
    assert find_spec("pandas") is not None
    pids = [pid for found in children(shared).values() for pid in found]

    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in pids]

    assert len(maps) == 2
    assert all("/pyarrow/" in one and "/pandas/" not in one for one in maps)


def test_a_second_server_on_the_same_data_refuses_and_says_who_is_there(shared: Server) -> None:
    assert shared.process is not None

    said = refused("serve", "--port", str(free_port()), data=shared.data)

    assert f"another everlake (process {shared.process.pid}) serves {shared.data}" in said
    assert "--data" in said
    assert httpx.get(shared.url + "/healthz", trust_env=False).is_success


@pytest.mark.parametrize("role", ["api", "worker"])
def test_a_child_that_is_killed_is_started_again(
    shared: Server, setup: dict[str, str], role: str
) -> None:
    assert set(children(shared)) == {"api", "worker"}
    before = children(shared)[role]
    os.kill(before[0], signal.SIGKILL)
    until(
        lambda: len(set(children(shared).get(role, [])) - {before[0]}) == len(before), "no new one"
    )

    api = Api(shared.url, setup)
    deadline = time.monotonic() + 60
    while True:
        try:
            batch_id = api.accept([api.record()])
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, shared.log()
            time.sleep(0.05)
    api.complete(batch_id)
    assert '"a process ended"' in shared.log()


@pytest.mark.parametrize("role", ["serve", "api"])
def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, role: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = refused(role, "--port", str(port), data=tmp_path)

    assert f"127.0.0.1:{port} cannot be listened at" in said
    assert "choose another --port" in said


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
        api = Api(server.url, setup)
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

    with running("serve", tmp_path, FAST) as server:
        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(accepted) > 100, "nothing is accepted")
        stopping.set()
        started = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - started
        for thread in threads:
            thread.join()
    assert took < 10, "the promise is ten seconds"

    with running("serve", tmp_path, FAST) as server:
        Api(server.url, setup).complete(*accepted)
        assert server.stop() == 0
    # A connection that waits for its next request may be closed; one with a request in hand
    # is answered first.
    assert all(isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) for error in cut_off)


def test_what_is_in_hand_is_answered_and_what_is_idle_is_not_waited_for(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    with running("api", tmp_path, FAST) as server:
        api = Api(server.url, setup)
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
        other = Api(server.url, setup)
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
    with running("serve", tmp_path, FAST) as server:
        assert server.process is not None
        ended = tree(server.process.pid)[1:]
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0

    assert len(ended) >= 2
    assert not any(alive(pid) for pid in ended)
    assert "Traceback" not in server.log()


def test_the_children_of_a_parent_that_is_killed_end_too(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    server = Server("serve", tmp_path, FAST)
    server.start()
    assert server.process is not None
    orphans = tree(server.process.pid)[1:]
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    until(lambda: not any(alive(pid) for pid in orphans), "they go on", within=15)

    with running("serve", tmp_path, FAST) as again:
        api = Api(again.url, setup)
        api.complete(api.accept([api.record()]))
        assert again.stop() == 0


def test_a_log_on_a_full_disk_stops_no_work(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    port = free_port()
    # /dev/full refuses every write as a full disk does.
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - it is no file to be looked into
        process = subprocess.Popen(
            [sys.executable, "-m", "everlake", "serve", "--port", str(port)],
            env={**environment(tmp_path, FAST), "EVERLAKE_LOG_LEVEL": "debug"},
            stdout=subprocess.DEVNULL,
            stderr=full,
        )
    try:
        api = Api(f"http://127.0.0.1:{port}", setup)

        def up() -> bool:
            try:
                return api.http.get("/healthz").is_success
            except httpx.TransportError:
                return False

        until(up, "it does not come up")
        api.complete(*(api.accept([api.record()]) for _ in range(3)))
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_the_roles_work_apart_as_well(tmp_path: Path) -> None:
    setup = set_up(tmp_path)
    with running("api", tmp_path, FAST) as alone, running("worker", tmp_path, FAST) as worker:
        api = Api(alone.url, setup)
        api.complete(*(api.accept([api.record()]) for _ in range(3)))
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
