"""Opens the object store that a URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from everlake.extras import how_to_install
from everlake.storage.errors import StorageError
from everlake.storage.store import ObjectStore


def open_store(url: str) -> ObjectStore:
    """Open the store at ``url``: ``file:///absolute/directory`` or ``s3://bucket/prefix``.

    Raises:
        StorageError: the scheme is unknown, the URL is incomplete, or a library is missing.
    """
    # Only the backend in use is loaded; S3's library is an optional dependency.
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _open_s3(url)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not parts.path:
        raise StorageError(
            f"storage URL {url!r} is not known: use file:///absolute/directory or "
            "s3://bucket/prefix",
        )
    from everlake.storage.local import LocalStore  # noqa: PLC0415

    return LocalStore(Path(unquote(parts.path)))


def _open_s3(url: str) -> ObjectStore:
    try:
        from everlake.storage.s3 import S3Store  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise StorageError(
            f"storage in S3 needs the extra s3, which is not installed: {how_to_install('s3')}"
        ) from error
    return S3Store.from_url(url)
