"""What a worker without work asks of the database."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from everlake.catalog.jobs import JobKind
from tests.support.recordings import MODEL
from tests.support.worker_attachments import attachment_worker
from tests.support.worker_fixture import WorkerFixture

PROCESSES = {
    "attachment_text_processes": 2,
    "attachment_speech_model": MODEL,
    "attachment_speech_processes": 1,
}


def test_each_thread_asks_once_a_round_and_writes_nothing(
    home: WorkerFixture,
) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_tx: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        statements.append((sql, parameters))

    with attachment_worker(home, **PROCESSES) as worker:
        worker.run_once()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert not worker.run_once()
            worker.renew()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        threads = len(worker._turns) + 1  # the one that writes texts to the lake

    asked = [sql for sql, _ in statements if sql.startswith("SELECT")]
    assert len(asked) == threads == 5
    assert {sql for sql, _ in statements} - set(asked) == {"BEGIN"}, "BEGIN IMMEDIATE writes"
    of_jobs = [(sql, parameters) for sql, parameters in statements if "FROM jobs" in sql]
    kinds = [parameters[0] for _, parameters in of_jobs]
    assert kinds == [
        *[JobKind.EXTRACT_TEXT.value] * 2,
        JobKind.TRANSCRIBE_RECORDING.value,
        JobKind.INDEX_TEXT.value,
    ]
    with home.catalog.autocommit() as tx:
        for sql, parameters in of_jobs:
            [plan] = tx.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, parameters)
            assert plan[3].startswith("SEARCH jobs USING")
            assert "INDEX ix_jobs_due (kind=? AND state=? AND due_at<?)" in plan[3]
