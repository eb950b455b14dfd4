"""Settings of a process, and the paths and URLs derived from them."""

from pathlib import Path
from typing import TypedDict
from urllib.parse import quote, unquote, urlsplit

import msgspec

from everlake.settings.sections import (
    ApiSettings,
    DatabaseSettings,
    ExtractionSettings,
    FetchSettings,
    LimitSettings,
    LoggingSettings,
    QuotaSettings,
    RetentionSettings,
    StorageSettings,
    TranscriptionSettings,
    UploadSettings,
    WorkerSettings,
)


class DatabaseOptions(TypedDict):
    """Arguments of :func:`everlake.catalog.opening.open_catalog`."""

    timeout: float
    connections: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a process, by section.

    :func:`everlake.settings.loading.load` reads them, and
    :func:`everlake.settings.definitions.settings_from` builds them from values by name.
    """

    storage: StorageSettings = StorageSettings()
    database: DatabaseSettings = DatabaseSettings()
    logging: LoggingSettings = LoggingSettings()
    limits: LimitSettings = LimitSettings()
    api: ApiSettings = ApiSettings()
    worker: WorkerSettings = WorkerSettings()
    retention: RetentionSettings = RetentionSettings()
    fetching: FetchSettings = FetchSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    uploads: UploadSettings = UploadSettings()
    quotas: QuotaSettings = QuotaSettings()

    @property
    def data_directory(self) -> Path:
        """Data directory as an absolute path."""
        return Path(self.storage.data).expanduser().resolve()

    @property
    def catalog_url(self) -> str:
        """URL of the catalog database, with the default filled in."""
        # Percent signs and question marks mean something in a URL.
        return (
            self.database.url
            or f"sqlite:///{quote(str(self.data_directory / 'everlake.db'), safe='/ ')}"
        )

    @property
    def catalog_options(self) -> DatabaseOptions:
        """Options with which the catalog database is opened."""
        return {"timeout": self.database.timeout, "connections": self.database.connections}

    @property
    def archive_url(self) -> str:
        """URL of the storage, with the default filled in."""
        return self.storage.url or self.data_directory.as_uri()

    @property
    def metrics_directory(self) -> Path:
        """Directory of the metrics that the processes of this machine share."""
        return self.data_directory / "metrics"

    @property
    def lake_root(self) -> Path:
        """Directory of the lake's tables; with S3, of what belongs to the lake on this machine."""
        parts = urlsplit(self.archive_url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else self.data_directory

    @property
    def record_directories(self) -> list[Path]:
        """Directories of this machine to which accepting a batch writes; none with remote ones."""
        is_local = urlsplit(self.archive_url).scheme == "file"
        storage = [self.lake_root] if is_local else []
        return storage if self.database.url else [*storage, self.data_directory]

    @property
    def rebuild_lock(self) -> Path:
        """File that is locked while the lake is rebuilt."""
        return self.lake_root / "rebuild.lock"
