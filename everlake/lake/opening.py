"""The lake of a storage, whichever kind it is of."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from everlake.catalog.engine import Catalog
from everlake.lake.bucket import Fences
from everlake.lake.bucket_site import Bucket, BucketSite
from everlake.lake.lake import Lake
from everlake.lake.local import LocalSite
from everlake.storage import engine_options, open_store


def open_lake(url: str, catalog: Catalog, fences: Fences | None = None) -> Lake:
    """The lake in the storage at ``url``: ``file://`` or ``s3://``.

    Args:
        catalog: says, for tables in a bucket, which versions count.
        fences: says who may write tables in a bucket; None where this process only reads.

    Raises:
        StorageError: there can be no storage at the URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Lake(LocalSite(Path(unquote(parts.path))))
    return Lake(BucketSite(Bucket(catalog, open_store(url), url, engine_options()), fences))
