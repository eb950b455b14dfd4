"""Contents of stored attachments: whether they are in the storage."""

from collections.abc import Iterator

from everlake.attachments.paths import content_folder, content_path
from everlake.batching import chunked
from everlake.catalog import attachments
from everlake.catalog.database import Catalog
from everlake.integrity.temporary_database import LOAD_ROWS, TemporaryDatabase
from everlake.integrity.types import IntegrityProblem
from everlake.integrity.verify.archive_objects import MAX_REPORTED_BATCHES
from everlake.storage import ObjectStore
from everlake.tables import arrow

_CREATE_TABLES = (
    "CREATE TABLE stored (batch VARCHAR, id VARCHAR, sha256 VARCHAR, size BIGINT)",
    "CREATE TABLE contents (sha256 VARCHAR, size BIGINT)",
)
_FIND_MISSING = f"""
    SELECT batch, count(*), min(id), arg_min(stored.sha256, id)
    FROM stored LEFT JOIN contents USING (sha256, size)
    WHERE contents.sha256 IS NULL
    GROUP BY batch ORDER BY batch LIMIT {MAX_REPORTED_BATCHES}
"""  # noqa: S608 - a constant
_CONTENT_MARKER = "/sha256="


def missing_contents(
    catalog: Catalog, store: ObjectStore, database: TemporaryDatabase, workspace_id: str
) -> Iterator[IntegrityProblem]:
    """Yield a problem for each batch with attachments whose content is missing or cut off.

    The sizes of the contents are compared; their bytes are not read.

    Raises:
        TemporaryStorageFull: the temporary database is full.
        CatalogUnavailable, StorageUnavailable: catalog or storage cannot be read now.
    """
    database.execute(*_CREATE_TABLES)
    # The catalog comes first: a content is stored before its row says so, and is not deleted.
    for some in chunked(attachments.iter_stored(catalog, workspace_id), LOAD_ROWS):
        rows = {
            "batch": [one.batch_id for one in some],
            "id": [one.id for one in some],
            "sha256": [one.sha256 for one in some],
            "size": [one.size for one in some],
        }
        database.load("INSERT INTO stored FROM fresh", arrow.from_columns(rows))
    objects = (
        one for one in store.list(content_folder(workspace_id)) if _CONTENT_MARKER in one.path
    )
    for some in chunked(objects, LOAD_ROWS):
        rows = {
            "sha256": [one.path.rpartition("/")[2] for one in some],
            "size": [one.size for one in some],
        }
        database.load("INSERT INTO contents FROM fresh", arrow.from_columns(rows))
    for batch_id, count, attachment_id, sha256 in database.query(_FIND_MISSING):
        yield IntegrityProblem(
            batch_id=batch_id,
            problem=(
                f"the contents of {count:,} of its attachments are missing in the storage, or cut "
                f"off (one is {attachment_id})"
            ),
            action=(
                "restore them from a backup, this one at "
                f"{content_path(workspace_id, sha256)}; without a backup, delete what is left of "
                "them, and send the records and their uploads again"
            ),
        )
