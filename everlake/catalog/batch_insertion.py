"""Insertion of batches: numbers, rows and stored responses in one transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from everlake.catalog import batches, idempotency, workspaces
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.errors import CatalogInterrupted
from everlake.catalog.idempotency import IdempotentResponse
from everlake.catalog.table_definitions import batches as table
from everlake.model.batches import NewBatch

_encode_errors = msgspec.json.Encoder().encode


class BatchInsertion(msgspec.Struct, frozen=True):
    """A batch to insert, and the response to store under its idempotency key, if it has one."""

    batch: NewBatch
    response: IdempotentResponse | None


def insert_batches(
    catalog: Catalog, insertions: Sequence[BatchInsertion], lock_timeout: float
) -> list[IdempotentResponse | None]:
    """Insert batches, numbered in their order. They are durable when it returns.

    Args:
        catalog: takes the batches.
        insertions: the batches, of any workspaces.
        lock_timeout: longest wait of a shared catalog for each lock, in seconds.

    Returns:
        for each batch None, or the response that is stored under its key already; then the batch
        is not inserted.

    Raises:
        CatalogInterrupted: by a shared catalog. No batch is inserted, unless the connection was
            lost at the commit. The call can be repeated with the same batches; those that are
            inserted are left as they are.
        CatalogUnavailable: no batch is inserted.
    """
    if catalog.is_shared:
        try:
            with catalog.autocommit() as tx:
                return _insert_in_one_statement(tx, insertions, lock_timeout)
        except IntegrityError:
            # An earlier call, whose connection was lost, has committed meanwhile.
            with catalog.autocommit() as tx:
                return _insert_in_one_statement(tx, insertions, lock_timeout)
    with catalog.transaction() as tx:
        return _insert_in_steps(tx, insertions)


def _insert_in_steps(
    tx: Connection, insertions: Sequence[BatchInsertion]
) -> list[IdempotentResponse | None]:
    stored = [_store_response(tx, insertion) for insertion in insertions]
    new = [one.batch for one, response in zip(insertions, stored, strict=True) if response is None]
    numbers = {
        workspace_id: iter(workspaces.next_sequences(tx, workspace_id, count))
        for workspace_id, count in Counter(batch.workspace_id for batch in new).items()
    }
    batches.insert(tx, [(batch, next(numbers[batch.workspace_id])) for batch in new])
    return stored


def _store_response(tx: Connection, insertion: BatchInsertion) -> IdempotentResponse | None:
    """Store the response, or return the one that is stored under its key already."""
    response = insertion.response
    if response is None:
        return None
    (is_new,) = idempotency.store(tx, insertion.batch.workspace_id, [response])
    return None if is_new else idempotency.find(tx, insertion.batch.workspace_id, response.key)


def _insert_in_one_statement(
    tx: Connection, insertions: Sequence[BatchInsertion], lock_timeout: float
) -> list[IdempotentResponse | None]:
    """Insert everything in one statement, which takes one round trip to the server."""
    rows = [_row(insertion) for insertion in insertions]
    parameters: dict[str, Any] = {name: [row[name] for row in rows] for name in _ARRAY_TYPES}
    parameters["lock_timeout"] = f"{max(1, int(lock_timeout * 1000))}ms"
    inserted = set(tx.execute(_INSERT, parameters).scalars())
    return [
        None if one.batch.id in inserted else _find_earlier_response(tx, one) for one in insertions
    ]


def _find_earlier_response(tx: Connection, insertion: BatchInsertion) -> IdempotentResponse | None:
    """Return the response under the key of a batch that was not inserted.

    None means that an earlier call inserted the batch.
    """
    batch, response = insertion.batch, insertion.response
    found = None if response is None else idempotency.find(tx, batch.workspace_id, response.key)
    if found is not None and found.batch_id != batch.id:
        return found
    if batches.get(tx, batch.workspace_id, batch.id) is None:
        # The stored response expired just now, or the workspace does not exist.
        raise CatalogInterrupted("The batch could not be stored. Try again.")
    return None


_RESPONSE_TYPES = {"key": "text", "body_hash": "bytea", "response": "bytea"}
_SEQUENCE = "sequence"


def _array_types() -> dict[str, str]:
    """Return the columns that are passed as arrays, one value a batch, and their types."""
    texts = {"Text", "StatusText", "ErrorsText"}
    columns = {
        column.name: "text" if type(column.type).__name__ in texts else "bigint"
        for column in table.c
        if column.name in batches.INSERTED_COLUMNS
    }
    return columns | _RESPONSE_TYPES


def _insert_statement() -> TextClause:
    names = [name for name in _ARRAY_TYPES if name not in _RESPONSE_TYPES]
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _ARRAY_TYPES.items())
    return text(  # contains names of columns and bind parameters only
        f"""
        WITH input AS (
            SELECT * FROM unnest({arrays}) WITH ORDINALITY AS t({", ".join(_ARRAY_TYPES)}, position)
            WHERE (SELECT set_config('lock_timeout', :lock_timeout, true)) IS NOT NULL
                AND NOT EXISTS (SELECT FROM batches WHERE batches.id = t.id)
        ),
        stored_responses AS (
            INSERT INTO idempotency (workspace_id, key, body_hash, response, batch_id, created_at)
            SELECT workspace_id, key, body_hash, response, id, created_at
            FROM input WHERE key IS NOT NULL ORDER BY workspace_id, key
            ON CONFLICT (workspace_id, key) DO NOTHING
            RETURNING batch_id
        ),
        accepted_batches AS (
            SELECT * FROM input
            WHERE key IS NULL OR id IN (SELECT batch_id FROM stored_responses)
        ),
        counts AS (
            SELECT workspace_id, count(*) FROM accepted_batches GROUP BY workspace_id
        ),
        locked AS (
            SELECT id FROM workspaces
            WHERE id IN (SELECT workspace_id FROM counts) ORDER BY id FOR NO KEY UPDATE
        ),
        numbered AS (
            UPDATE workspaces w SET last_sequence = w.last_sequence + counts.count
            FROM locked JOIN counts ON counts.workspace_id = locked.id
            WHERE w.id = locked.id
            RETURNING w.id, w.last_sequence - counts.count AS before
        )
        INSERT INTO batches ({", ".join(names)}, {_SEQUENCE})
        SELECT {", ".join(f"a.{name}" for name in names)},
            numbered.before + row_number() OVER (PARTITION BY a.workspace_id ORDER BY a.position)
        FROM accepted_batches a JOIN numbered ON numbered.id = a.workspace_id
        RETURNING id
        """  # noqa: S608
    )


def _row(insertion: BatchInsertion) -> dict[str, Any]:
    response = insertion.response
    values = batches.insert_values(insertion.batch)
    values["status"] = insertion.batch.status.value
    values["errors"] = _encode_errors(values["errors"]).decode()
    return values | {
        "key": None if response is None else response.key,
        "body_hash": None if response is None else response.body_hash,
        "response": None if response is None else response.response,
    }


_ARRAY_TYPES = _array_types()
_INSERT = _insert_statement()
