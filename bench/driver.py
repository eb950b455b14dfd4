"""The load: a process of its own that posts bodies over kept-alive connections.

``python -m bench.driver PLAN`` reads a JSON plan and prints a JSON result.
"""

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any


def post_all(plan: dict[str, Any]) -> dict[str, Any]:
    """Post every body once, shared out over the connections; seconds and answers' times."""
    bodies = [Path(name).read_bytes() for name in plan["bodies"]]
    work = [bodies[number % len(bodies)] for number in range(plan["requests"])]
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    lock = threading.Lock()
    position = iter(range(len(work)))

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", plan["port"], timeout=60)
        mine: list[float] = []
        counted: dict[int, int] = {}
        while True:
            with lock:
                number = next(position, None)
            if number is None:
                break
            started = time.perf_counter()
            connection.request("POST", plan["path"], work[number], plan["headers"])
            answer = connection.getresponse()
            answer.read()
            mine.append(time.perf_counter() - started)
            counted[answer.status] = counted.get(answer.status, 0) + 1
        with lock:
            latencies.extend(mine)
            for status, count in counted.items():
                statuses[status] = statuses.get(status, 0) + count

    threads = [threading.Thread(target=run) for _ in range(plan["connections"])]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    latencies.sort()
    return {
        "seconds": seconds,
        "statuses": statuses,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[int(len(latencies) * 0.99)],
        "max": latencies[-1],
    }


if __name__ == "__main__":
    json.dump(post_all(json.loads(Path(sys.argv[1]).read_text())), sys.stdout)
