"""Taking in batches: numbered, stored, and their answers remembered, all or nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from everlake.catalog import batches, idempotency, workspaces
from everlake.catalog.batches import NewBatch
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.errors import CatalogInterrupted
from everlake.catalog.idempotency import IdempotentResponse
from everlake.catalog.table_definitions import batches as table

_encode_errors = msgspec.json.Encoder().encode


class BatchInsertion(msgspec.Struct, frozen=True):
    """A batch on its way in, and the answer to remember under an idempotency key, if any."""

    batch: NewBatch
    response: IdempotentResponse | None


def insert_batches(
    catalog: Catalog, insertions: Sequence[BatchInsertion], lock_timeout: float = 15.0
) -> list[IdempotentResponse | None]:
    """Store the batches, numbered by arrival; durable when it returns.

    A batch whose key came before is not stored: its place in the result has what was remembered
    then. For all others that is None.

    Args:
        lock_timeout: for which a shared catalog waits for each lock at the most.

    Raises:
        CatalogInterrupted: of a shared catalog. Nothing of them is stored, save where the
            connection went at the commit. Call again with the same batches: those that are
            stored stay as they are.
        CatalogUnavailable: nothing of them is stored.
    """
    if catalog.is_shared:
        try:
            with catalog.autocommit() as tx:
                return _insert_in_one_statement(tx, insertions, lock_timeout)
        except IntegrityError:
            # An earlier call, whose connection went, came through meanwhile: now it is seen.
            with catalog.autocommit() as tx:
                return _insert_in_one_statement(tx, insertions, lock_timeout)
    with catalog.transaction() as tx:
        return _insert_in_steps(tx, insertions)


def _insert_in_steps(
    tx: Connection, insertions: Sequence[BatchInsertion]
) -> list[IdempotentResponse | None]:
    earlier = [_store_response(tx, arrival) for arrival in insertions]
    new = [one.batch for one, known in zip(insertions, earlier, strict=True) if known is None]
    numbers = {
        workspace_id: iter(workspaces.next_sequences(tx, workspace_id, count))
        for workspace_id, count in Counter(batch.workspace_id for batch in new).items()
    }
    batches.insert(tx, [(batch, next(numbers[batch.workspace_id])) for batch in new])
    return earlier


def _store_response(tx: Connection, insertion: BatchInsertion) -> IdempotentResponse | None:
    """What was remembered before under the arrival's key, or None once it is new."""
    answer = insertion.response
    if answer is None:
        return None
    (is_new,) = idempotency.store(tx, insertion.batch.workspace_id, [answer])
    return None if is_new else idempotency.find(tx, insertion.batch.workspace_id, answer.key)


def _insert_in_one_statement(
    tx: Connection, insertions: Sequence[BatchInsertion], lock_timeout: float
) -> list[IdempotentResponse | None]:
    """All of it in one statement, and so in one way to the server and back."""
    rows = [_row(arrival) for arrival in insertions]
    parameters: dict[str, Any] = {name: [row[name] for row in rows] for name in _ARRAY_TYPES}
    parameters["lock_timeout"] = f"{max(1, int(lock_timeout * 1000))}ms"
    stored = set(tx.execute(_INSERT, parameters).scalars())
    return [
        None if one.batch.id in stored else _find_earlier_response(tx, one) for one in insertions
    ]


def _find_earlier_response(tx: Connection, insertion: BatchInsertion) -> IdempotentResponse | None:
    """What kept an arrival from being stored now; None where that is an earlier call's row."""
    batch, answer = insertion.batch, insertion.response
    found = None if answer is None else idempotency.find(tx, batch.workspace_id, answer.key)
    if found is not None and found.batch_id != batch.id:
        return found
    if batches.get(tx, batch.workspace_id, batch.id) is None:
        # The answer was forgotten just now, or the workspace is gone.
        raise CatalogInterrupted("The batch could not be stored. Try again.")
    return None


_RESPONSE_TYPES = {"key": "text", "body_hash": "bytea", "response": "bytea"}
_SEQUENCE = "sequence"


def _array_types() -> dict[str, str]:
    """The columns that come as arrays, one value an arrival, and their types."""
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
    return text(  # names of our own columns and arrays of parameters, and nothing from outside
        f"""
        WITH given AS (
            SELECT * FROM unnest({arrays}) WITH ORDINALITY AS t({", ".join(_ARRAY_TYPES)}, place)
            WHERE (SELECT set_config('lock_timeout', :lock_timeout, true)) IS NOT NULL
                AND NOT EXISTS (SELECT FROM batches WHERE batches.id = t.id)
        ),
        remembered AS (
            INSERT INTO idempotency (workspace_id, key, body_hash, response, batch_id, created_at)
            SELECT workspace_id, key, body_hash, response, id, created_at
            FROM given WHERE key IS NOT NULL ORDER BY workspace_id, key
            ON CONFLICT (workspace_id, key) DO NOTHING
            RETURNING batch_id
        ),
        new AS (
            SELECT * FROM given
            WHERE key IS NULL OR id IN (SELECT batch_id FROM remembered)
        ),
        counted AS (
            SELECT workspace_id, count(*) FROM new GROUP BY workspace_id
        ),
        locked AS (
            SELECT id FROM workspaces
            WHERE id IN (SELECT workspace_id FROM counted) ORDER BY id FOR NO KEY UPDATE
        ),
        moved AS (
            UPDATE workspaces w SET last_sequence = w.last_sequence + counted.count
            FROM locked JOIN counted ON counted.workspace_id = locked.id
            WHERE w.id = locked.id
            RETURNING w.id, w.last_sequence - counted.count AS before
        )
        INSERT INTO batches ({", ".join(names)}, {_SEQUENCE})
        SELECT {", ".join(f"new.{name}" for name in names)},
            moved.before + row_number() OVER (PARTITION BY new.workspace_id ORDER BY new.place)
        FROM new JOIN moved ON moved.id = new.workspace_id
        RETURNING id
        """  # noqa: S608
    )


def _row(insertion: BatchInsertion) -> dict[str, Any]:
    answer = insertion.response
    values = batches.insert_values(insertion.batch)
    values["status"] = insertion.batch.status.value
    values["errors"] = _encode_errors(values["errors"]).decode()
    return values | {
        "key": None if answer is None else answer.key,
        "body_hash": None if answer is None else answer.body_hash,
        "response": None if answer is None else answer.response,
    }


_ARRAY_TYPES = _array_types()
_INSERT = _insert_statement()
