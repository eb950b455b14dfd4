"""Whether the content of stored attachments lies in the storage."""

from collections.abc import Iterator

from everlake.attachments.paths import content_folder, content_path
from everlake.catalog import attachments
from everlake.catalog.engine import Catalog
from everlake.catalog.fields import in_chunks
from everlake.lake import arrow
from everlake.lake.problems import Problem
from everlake.lake.scratch import Scratch
from everlake.lake.verify.objects import MOST
from everlake.storage import ObjectStore

_TABLES = (
    "CREATE TABLE stored (batch VARCHAR, id VARCHAR, sha256 VARCHAR, size BIGINT)",
    "CREATE TABLE contents (sha256 VARCHAR, size BIGINT)",
)
_LOST = f"""
    SELECT batch, count(*), min(id), arg_min(stored.sha256, id)
    FROM stored LEFT JOIN contents USING (sha256, size)
    WHERE contents.sha256 IS NULL
    GROUP BY batch ORDER BY batch LIMIT {MOST}
"""  # noqa: S608 - a number of this project's
_MARK = "/sha256="


def lost_contents(
    catalog: Catalog, store: ObjectStore, work: Scratch, workspace_id: str
) -> Iterator[Problem]:
    """What is missing or has another size, by batch. The bytes themselves are not read.

    Raises:
        NoRoom: the scratch database is full.
        CatalogUnavailable, StorageUnavailable: something cannot be read now.
    """
    work.do(*_TABLES)
    # The catalog first: content lies there before the catalog says so, and is not deleted.
    for some in in_chunks(attachments.walk_stored(catalog, workspace_id)):
        rows = {
            "batch": [one.batch_id for one in some],
            "id": [one.id for one in some],
            "sha256": [one.sha256 for one in some],
            "size": [one.size for one in some],
        }
        work.take("INSERT INTO stored FROM fresh", arrow.columns(rows))
    found = (one for one in store.list(content_folder(workspace_id)) if _MARK in one.path)
    for some in in_chunks(found):
        rows = {
            "sha256": [one.path.rpartition("/")[2] for one in some],
            "size": [one.size for one in some],
        }
        work.take("INSERT INTO contents FROM fresh", arrow.columns(rows))
    for batch_id, count, attachment_id, sha256 in work.run(_LOST):
        yield Problem(
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
