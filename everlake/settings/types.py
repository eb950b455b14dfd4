"""Everything that can be set, with its bounds and its default."""

from pathlib import Path
from typing import Annotated, Literal, TypedDict
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta

from everlake.contract.limits import Limits

_DEFAULT_LIMITS = Limits()


class SettingsError(Exception):
    """A setting cannot be used; the message names it and says what it takes."""


class DatabaseOptions(TypedDict):
    """See :func:`everlake.catalog.opening.open_catalog`."""

    timeout: float
    connections: int


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. A variable's name is the field's in upper case with a prefix.

    Each field's metadata carries its sentence for the reference and, where it has one, its unit.
    """

    data: Annotated[
        str, Meta(description="Directory for everything, unless the two URLs say otherwise.")
    ] = "./everlake-data"
    database_url: Annotated[
        str, Meta(description="Catalog database. Empty: an SQLite file in the data directory.")
    ] = ""
    database_connections: Annotated[
        int, Meta(ge=2, description="Connections of a process to PostgreSQL at the most.")
    ] = 10
    database_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait for the database: for a lock, a connection, a statement.",
            extra={"unit": "seconds"},
        ),
    ] = 15.0
    storage_url: Annotated[
        str, Meta(description="Landing archive and lake tables. Empty: the data directory.")
    ] = ""
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="Form of the logs on standard error; auto is console on a terminal."),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level logged.")
    ] = "info"
    rate_limit: Annotated[
        float, Meta(gt=0, description="Requests a key may make.", extra={"unit": "1/second"})
    ] = _DEFAULT_LIMITS.requests_per_second
    rate_burst: Annotated[
        int, Meta(ge=1, description="Requests a key may make at once after a pause.")
    ] = _DEFAULT_LIMITS.burst
    max_body_bytes: Annotated[
        int,
        Meta(ge=1, description="Largest body after decompression.", extra={"unit": "bytes"}),
    ] = _DEFAULT_LIMITS.body_bytes
    max_records: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Most records in a request.")
    ] = _DEFAULT_LIMITS.records_per_batch
    max_attachments_per_record: Annotated[
        int, Meta(ge=0, description="Most attachments of a record.")
    ] = _DEFAULT_LIMITS.attachments_per_record
    max_attachments_per_batch: Annotated[
        int, Meta(ge=0, description="Most attachments of a batch.")
    ] = _DEFAULT_LIMITS.attachments_per_batch
    max_attachment_bytes: Annotated[
        int, Meta(ge=1, description="Largest attachment.", extra={"unit": "bytes"})
    ] = _DEFAULT_LIMITS.attachment_bytes
    max_keys: Annotated[int, Meta(ge=1, description="Most live keys of a workspace.")] = (
        _DEFAULT_LIMITS.keys_per_workspace
    )
    api_processes: Annotated[
        int,
        Meta(
            ge=0,
            description="API processes that share the port; 0 is one for each core, at most 4.",
        ),
    ] = 0
    body_timeout: Annotated[
        float,
        Meta(gt=0, description="Longest time for a body to arrive.", extra={"unit": "seconds"}),
    ] = 60.0
    body_memory: Annotated[
        int,
        Meta(
            ge=1,
            description="Bodies held in memory at once by all API processes of a machine; "
            "further requests wait for room.",
            extra={"unit": "bytes"},
        ),
    ] = 64 * 1024 * 1024
    lease_seconds: Annotated[
        float,
        Meta(
            ge=1,
            description="How long a worker that died keeps its batches from the others.",
            extra={"unit": "seconds"},
        ),
    ] = 30.0
    poll_seconds: Annotated[
        float,
        Meta(
            gt=0, description="How often an idle worker looks for work.", extra={"unit": "seconds"}
        ),
    ] = 0.05
    max_attempts: Annotated[
        int, Meta(ge=1, description="Tries of a step before its batch is FAILED.")
    ] = 8
    retry_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Wait before the second try of a step; each further wait is twice as long.",
            extra={"unit": "seconds"},
        ),
    ] = 1.0
    orphan_seconds: Annotated[
        float,
        Meta(
            ge=60,
            description="Age from which a landing object without a batch is swept away.",
            extra={"unit": "seconds"},
        ),
    ] = 900.0
    keep_refused_days: Annotated[
        int,
        Meta(
            ge=0,
            description="How long refused records are kept; 0 is for ever.",
            extra={"unit": "days"},
        ),
    ] = 0
    keep_idempotency_hours: Annotated[
        int,
        Meta(
            ge=24,
            description="How long an answer is given again under its Idempotency-Key.",
            extra={"unit": "hours"},
        ),
    ] = 48
    upkeep_seconds: Annotated[
        float,
        Meta(
            gt=0, description="How often indexes and files are tidied.", extra={"unit": "seconds"}
        ),
    ] = 10.0
    attachment_concurrency: Annotated[
        int,
        Meta(ge=0, le=256, description="Attachments a worker fetches at once; 0 fetches none."),
    ] = 16
    attachment_host_concurrency: Annotated[
        int, Meta(ge=1, le=256, description="Attachments fetched at once from one host.")
    ] = 4
    attachment_connect_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait for a connection, its TLS included.",
            extra={"unit": "seconds"},
        ),
    ] = 10.0
    attachment_idle_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait for the next bytes of an attachment.",
            extra={"unit": "seconds"},
        ),
    ] = 30.0
    attachment_total_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest time for one try to fetch an attachment; the next one goes on "
            "where it stopped, if the server lets it.",
            extra={"unit": "seconds"},
        ),
    ] = 3_600.0
    attachment_redirects: Annotated[
        int, Meta(ge=0, le=20, description="Redirects followed for an attachment.")
    ] = 5
    attachment_attempts: Annotated[
        int, Meta(ge=1, description="Tries to fetch an attachment before it is FAILED.")
    ] = 8
    attachment_allow: Annotated[
        str,
        Meta(
            description="Hosts, addresses and networks of the inside that attachments may come "
            "from, separated by commas."
        ),
    ] = ""
    attachment_proxy: Annotated[
        str,
        Meta(description="Proxy for fetching attachments; those of the environment are not used."),
    ] = ""
    attachment_text_processes: Annotated[
        int,
        Meta(ge=0, le=64, description="Files a worker reads text from at once; 0 reads none."),
    ] = 1
    attachment_text_seconds: Annotated[
        float,
        Meta(gt=0, description="Longest time to read a file.", extra={"unit": "seconds"}),
    ] = 120.0
    attachment_text_memory: Annotated[
        int,
        Meta(
            ge=256 * 1024 * 1024,
            description="Memory that reading a file may take.",
            extra={"unit": "bytes"},
        ),
    ] = 1024 * 1024 * 1024
    attachment_text_characters: Annotated[
        int,
        Meta(
            ge=1_000,
            le=100_000_000,
            description="Text kept of a file at the most.",
            extra={"unit": "characters"},
        ),
    ] = 5_000_000
    attachment_speech_model: Annotated[
        str,
        Meta(
            description="Directory of the Whisper model that writes down what is said in audio and "
            "video. Empty: nothing is written down."
        ),
    ] = ""
    attachment_speech_processes: Annotated[
        int,
        Meta(
            ge=0,
            le=64,
            description="Recordings a worker writes down at once; 0 leaves them to other workers.",
        ),
    ] = 1
    attachment_speech_threads: Annotated[
        int, Meta(ge=1, le=64, description="Threads that write down a recording.")
    ] = 1
    attachment_speech_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest time to write down a recording; what is written by then is kept.",
            extra={"unit": "seconds"},
        ),
    ] = 3_600.0
    attachment_speech_memory: Annotated[
        int,
        Meta(
            ge=1024 * 1024 * 1024,
            description="Memory that writing down a recording may take, the model included.",
            extra={"unit": "bytes"},
        ),
    ] = 2 * 1024 * 1024 * 1024
    attachment_speech_hours: Annotated[
        float,
        Meta(
            gt=0,
            description="How much of a recording is written down at the most.",
            extra={"unit": "hours"},
        ),
    ] = 4.0
    upload_hours: Annotated[
        float,
        Meta(
            gt=0,
            description="How long an upload may take, and be used by a record.",
            extra={"unit": "hours"},
        ),
    ] = 24.0
    upload_part_bytes: Annotated[
        int,
        Meta(
            ge=5 * 1024 * 1024,
            le=64 * 1024 * 1024,
            description="Size of the parts that a large upload may come in.",
            extra={"unit": "bytes"},
        ),
    ] = 8 * 1024 * 1024
    upload_through: Annotated[
        Literal["bucket", "api"],
        Meta(description="What clients upload to where storage is S3: the bucket, or the API."),
    ] = "bucket"
    worker_metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="Port at which a worker serves /metrics by itself; 0 is none.",
        ),
    ] = 0

    @property
    def data_directory(self) -> Path:
        """The data directory as an absolute path."""
        return Path(self.data).expanduser().resolve()

    @property
    def speech_model(self) -> Path | None:
        """The directory of the model for speech as an absolute path; None where there is none."""
        given = self.attachment_speech_model
        return Path(given).expanduser().resolve() if given else None

    @property
    def catalog_url(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_directory / 'everlake.db'}"

    @property
    def catalog_options(self) -> DatabaseOptions:
        """How the database is opened."""
        return {"timeout": self.database_timeout, "connections": self.database_connections}

    @property
    def archive_url(self) -> str:
        """The storage's URL, the default filled in."""
        return self.storage_url or self.data_directory.as_uri()

    @property
    def metrics_directory(self) -> Path:
        """Where the processes of this machine count together."""
        return self.data_directory / "metrics"

    @property
    def lake_root(self) -> Path:
        """The directory of the lake's tables: the archive's, or the data directory beside S3."""
        parts = urlsplit(self.archive_url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else self.data_directory

    @property
    def rebuild_lock(self) -> Path:
        """The file that a rebuild of the lake holds locked while it runs."""
        return self.lake_root / "rebuild.lock"

    @property
    def limits(self) -> Limits:
        """The limits of the wire."""
        return Limits(
            body_bytes=self.max_body_bytes,
            records_per_batch=self.max_records,
            attachments_per_record=self.max_attachments_per_record,
            attachments_per_batch=self.max_attachments_per_batch,
            attachment_bytes=self.max_attachment_bytes,
            requests_per_second=self.rate_limit,
            burst=self.rate_burst,
            keys_per_workspace=self.max_keys,
        )
