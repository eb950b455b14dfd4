"""From the archive to the catalog: which attachments a landed batch has."""

from collections.abc import Sequence

from everlake.catalog import attachments
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.landing.attached import attached
from everlake.landing.objects import read_accepted
from everlake.storage import ObjectStore


def list_attachments(catalog: Catalog, store: ObjectStore, group: Sequence[BatchRow]) -> None:
    """Give each attachment of these batches its row; may be done again.

    A batch at a time, however many there are. Its object is read again for that, which is less
    than to hold all of them from the first time on.

    Raises:
        ObjectMissing, LandingDamaged, StorageUnavailable: see :func:`read_accepted`.
        CatalogUnavailable
    """
    for batch in group:
        if batch.attachment_total:
            rows = list(attached(batch, read_accepted(store, batch), due_at=catalog.now_ms()))
            with catalog.write() as tx:
                attachments.insert(tx, rows)
