"""A SQLite database whose file is deleted under a running server."""

import json
from pathlib import Path

from tests.faults.checker import problems
from tests.faults.ledger import PRODUCT, PROJECT, Ledger, SentRecord, body_of
from tests.support.processes import wait_until
from tests.support.server import NO_RATE_LIMIT, ApiClient, EverlakeServer, run_everlake


def record(number: int) -> SentRecord:
    word = f"word{number}"
    return SentRecord(f"record-{number}", word, json.dumps({"text": f"{word} was said"}))


def test_nothing_is_accepted_after_the_database_file_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = run_everlake(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data
    )
    setup = json.loads(made.stdout)
    ledger = Ledger()
    server = EverlakeServer("serve", data, NO_RATE_LIMIT)
    server.start()
    try:
        api = ApiClient(server.url, setup)
        batch_id = api.accept(body_of([record(0)]))
        ledger.write(batch_id, [record(0)])
        api.wait_until_complete(batch_id)

        (data / "everlake.db").rename(tmp_path / "kept.db")
        for number in range(1, 4):
            refused = api.post(body_of([record(number)]))
            assert refused.status_code == 503, refused.text
            assert "deleted or replaced" in refused.json()["message"]
        wait_until(lambda: api.http.get("/readyz").status_code == 503, "it is still ready")
        assert api.http.get("/healthz").is_success
        assert not (data / "everlake.db").exists()

        (tmp_path / "kept.db").rename(data / "everlake.db")
        batch_id = api.accept(body_of([record(9)]))
        ledger.write(batch_id, [record(9)])
        api.wait_until_complete(batch_id)
    finally:
        assert server.stop() == 0
    assert problems(data, setup["workspace_id"], ledger) == []
