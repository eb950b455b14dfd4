"""PostgreSQL form of tables and statements, without a server."""

import pytest
from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from everlake.catalog import batch_queue, idempotency, leases, workspaces
from everlake.catalog.table_definitions import metadata


def compiled(statement: Executable) -> str:
    return str(statement.compile(dialect=postgresql.dialect()))  # pyright: ignore[reportAttributeAccessIssue] - every Executable here is a ClauseElement


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_created(table: Table) -> None:
    sql = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert table.name in sql
    assert "BLOB" not in sql


def test_claims_skip_locked_rows() -> None:
    assert compiled(batch_queue._DUE_BATCHES).endswith("FOR UPDATE SKIP LOCKED")


def test_conflicts_are_handled_in_the_statement() -> None:
    remember = compiled(idempotency._STORE["postgresql"])
    assert "ON CONFLICT (workspace_id, key) DO NOTHING RETURNING" in remember
    acquire = compiled(leases._ACQUIRE["postgresql"])
    assert "ON CONFLICT (name) DO UPDATE" in acquire
    assert "WHERE" in acquire
    seize = compiled(leases._SEIZE["postgresql"])
    assert "ON CONFLICT (name) DO UPDATE" in seize
    assert "WHERE" not in seize
    assert "RETURNING" in compiled(workspaces._NEXT_SEQUENCES)
