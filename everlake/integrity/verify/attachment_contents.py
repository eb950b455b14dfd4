"""Whether the content of stored attachments lies in the storage."""

from collections.abc import Iterator

from everlake.attachments.paths import content_folder, content_path
from everlake.batching import chunked
from everlake.catalog import attachments
from everlake.catalog.database import Catalog
from everlake.integrity.temporary_database import TemporaryDatabase
from everlake.integrity.types import IntegrityProblem
from everlake.integrity.verify.archive_objects import MAX_REPORTED_BATCHES
from everlake.storage import ObjectStore
from everlake.tables import arrow

_CHUNK_SIZE = 500
_CREATE_TABLES = (
    "CREATE TABLE stored (batch VARCHAR, id VARCHAR, sha256 VARCHAR, size BIGINT)",
    "CREATE TABLE contents (sha256 VARCHAR, size BIGINT)",
)
_FIND_MISSING = f"""
    SELECT batch, count(*), min(id), arg_min(stored.sha256, id)
    FROM stored LEFT JOIN contents USING (sha256, size)
    WHERE contents.sha256 IS NULL
    GROUP BY batch ORDER BY batch LIMIT {MAX_REPORTED_BATCHES}
"""  # noqa: S608 - a number of this project's
_CONTENT_MARKER = "/sha256="


def missing_contents(
    catalog: Catalog, store: ObjectStore, database: TemporaryDatabase, workspace_id: str
) -> Iterator[IntegrityProblem]:
    """What is missing or has another size, by batch. The bytes themselves are not read.

    Raises:
        NoRoom: the scratch database is full.
        CatalogUnavailable, StorageUnavailable: something cannot be read now.
    """
    database.execute(*_CREATE_TABLES)
    # The catalog first: content lies there before the catalog says so, and is not deleted.
    for some in chunked(attachments.iter_stored(catalog, workspace_id), _CHUNK_SIZE):
        rows = {
            "batch": [one.batch_id for one in some],
            "id": [one.id for one in some],
            "sha256": [one.sha256 for one in some],
            "size": [one.size for one in some],
        }
        database.load("INSERT INTO stored FROM fresh", arrow.from_columns(rows))
    found = (one for one in store.list(content_folder(workspace_id)) if _CONTENT_MARKER in one.path)
    for some in chunked(found, _CHUNK_SIZE):
        rows = {
            "sha256": [one.path.rpartition("/")[2] for one in some],
            "size": [one.size for one in some],
        }
        database.load("INSERT INTO contents FROM fresh", arrow.from_columns(rows))
    for batch_id, count, attachment_id, sha256 in database.query(_FIND_MISSING):
        yield IntegrityProblem(
            batch_id=batch_id,
            problem=(
                f"the content of {count:,} of its attachments is not in the storage, or not whole "
                f"(one is {attachment_id})"
            ),
            action=(
                f"put it back from a backup, this one at {content_path(workspace_id, sha256)}; "
                "without a backup delete what is left of it and send the records again, with what "
                "was uploaded for them"
            ),
        )
