"""Sections of the settings, each setting with its type, bounds, default and description.

The name of a setting, as in ``everlake.toml`` and (in upper case, with a prefix) in the
environment, is its field's encode name. The description and unit are part of its metadata; the
reference in ``docs/reference/settings.md`` is tested against them.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from everlake.contract.limits import Limits
from everlake.settings.defaults import (
    DATABASE_CONNECTIONS,
    DATABASE_TIMEOUT_SECONDS,
    DEFAULT_HOST,
    DEFAULT_PORT,
)

_LIMITS = Limits()
_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_SECONDS = {"unit": "seconds"}
_BYTES = {"unit": "bytes"}
_HOURS = {"unit": "hours"}


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Data directory, and storage of the landing archive and the lake."""

    data: Annotated[
        str,
        Meta(description="Data directory. Holds everything, unless the two URLs say otherwise."),
    ] = "./everlake-data"
    url: Annotated[
        str,
        Meta(description="Storage of the landing archive and the lake. Empty: the data directory."),
    ] = field(name="storage_url", default="")
    reserve_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description=(
                "Space to keep free on the disk, at most 5 % of it, by taking no more files; 0: "
                "none."
            ),
            extra=_BYTES,
        ),
    ] = field(name="disk_reserve_bytes", default=_GIB)


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Catalog database."""

    url: Annotated[
        str, Meta(description="Catalog database. Empty: an SQLite file in the data directory.")
    ] = field(name="database_url", default="")
    connections: Annotated[
        int, Meta(ge=2, description="Most connections of one process to PostgreSQL.")
    ] = field(name="database_connections", default=DATABASE_CONNECTIONS)
    timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait for the database: for a lock, a connection, a statement.",
            extra=_SECONDS,
        ),
    ] = field(name="database_timeout", default=DATABASE_TIMEOUT_SECONDS)


class LoggingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Logs on standard error."""

    format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="Format of the logs on standard error; auto is console on a terminal."),
    ] = field(name="log_format", default="auto")
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Lowest level logged.")
    ] = field(name="log_level", default="info")


class LimitSettings(Limits, frozen=True, kw_only=True):
    """Limits of the wire."""

    requests_per_second: Annotated[
        float,
        Meta(gt=0, description="Sustained request rate of a key.", extra={"unit": "1/second"}),
    ] = field(name="rate_limit", default=_LIMITS.requests_per_second)
    burst: Annotated[
        int, Meta(ge=1, description="Requests that a key may make at once after a pause.")
    ] = field(name="rate_burst", default=_LIMITS.burst)
    body_bytes: Annotated[
        int, Meta(ge=1, description="Largest body after decompression.", extra=_BYTES)
    ] = field(name="max_body_bytes", default=_LIMITS.body_bytes)
    records_per_batch: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Most records of a request.")
    ] = field(name="max_records", default=_LIMITS.records_per_batch)
    attachments_per_record: Annotated[
        int, Meta(ge=0, description="Most attachments of a record.")
    ] = field(name="max_attachments_per_record", default=_LIMITS.attachments_per_record)
    attachments_per_batch: Annotated[
        int, Meta(ge=0, description="Most attachments of a batch.")
    ] = field(name="max_attachments_per_batch", default=_LIMITS.attachments_per_batch)
    attachment_bytes: Annotated[
        int, Meta(ge=1, description="Largest attachment.", extra=_BYTES)
    ] = field(name="max_attachment_bytes", default=_LIMITS.attachment_bytes)
    keys_per_workspace: Annotated[int, Meta(ge=1, description="Most live keys of a workspace.")] = (
        field(name="max_keys", default=_LIMITS.keys_per_workspace)
    )


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """API processes."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = DEFAULT_HOST
    port: Annotated[int, Meta(ge=1, le=65_535, description="Port to listen on.")] = DEFAULT_PORT
    processes: Annotated[
        int,
        Meta(ge=0, description="API processes that share the port; 0: one per core, at most 4."),
    ] = field(name="api_processes", default=0)
    public_url: Annotated[
        str,
        Meta(
            description="Base URL of this server for its clients, as /docs and /llms.txt show it. "
            "Empty: the host that a request names."
        ),
    ] = ""
    body_timeout: Annotated[
        float, Meta(gt=0, description="Longest time for a body to arrive.", extra=_SECONDS)
    ] = 60.0
    body_memory: Annotated[
        int,
        Meta(
            ge=1,
            description="Memory for bodies, over all API processes of a machine; "
            "further requests wait.",
            extra=_BYTES,
        ),
    ] = 64 * _MIB


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Workers."""

    lease_seconds: Annotated[
        float, Meta(ge=1, description="How long the leases of a dead worker last.", extra=_SECONDS)
    ] = 30.0
    poll_seconds: Annotated[
        float, Meta(gt=0, description="Interval at which an idle worker polls.", extra=_SECONDS)
    ] = 0.05
    max_attempts: Annotated[
        int, Meta(ge=1, description="Attempts of a step before its batch is FAILED.")
    ] = 8
    retry_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Delay before the second attempt of a step; it doubles with each attempt.",
            extra=_SECONDS,
        ),
    ] = 1.0
    maintenance_seconds: Annotated[
        float, Meta(gt=0, description="Interval of table maintenance.", extra=_SECONDS)
    ] = field(name="upkeep_seconds", default=10.0)
    metrics_port: Annotated[
        int,
        Meta(ge=0, le=65_535, description="Port of a worker's own /metrics; 0 for none."),
    ] = field(name="worker_metrics_port", default=0)


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long data other than accepted records is kept."""

    orphan_seconds: Annotated[
        float,
        Meta(
            ge=60,
            description="Age from which a landing object without a batch is moved to orphans/.",
            extra=_SECONDS,
        ),
    ] = 900.0
    rejected_days: Annotated[
        int,
        Meta(
            ge=0,
            description="How long rejected records are kept; 0: forever.",
            extra={"unit": "days"},
        ),
    ] = field(name="keep_refused_days", default=0)
    idempotency_hours: Annotated[
        int,
        Meta(
            ge=24,
            description="How long a response is replayed for its Idempotency-Key.",
            extra=_HOURS,
        ),
    ] = field(name="keep_idempotency_hours", default=48)


class FetchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Downloads of attachments."""

    concurrency: Annotated[
        int, Meta(ge=0, le=256, description="Simultaneous downloads of a worker; 0 for none.")
    ] = field(name="attachment_concurrency", default=16)
    host_concurrency: Annotated[
        int, Meta(ge=1, le=256, description="Simultaneous downloads from one host.")
    ] = field(name="attachment_host_concurrency", default=4)
    connect_timeout: Annotated[
        float,
        Meta(gt=0, description="Longest wait for a connection, TLS included.", extra=_SECONDS),
    ] = field(name="attachment_connect_timeout", default=10.0)
    idle_timeout: Annotated[
        float,
        Meta(gt=0, description="Longest wait for the next bytes of a download.", extra=_SECONDS),
    ] = field(name="attachment_idle_timeout", default=30.0)
    total_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest time of one attempt to download; the next attempt resumes where "
            "it stopped, if the server supports that.",
            extra=_SECONDS,
        ),
    ] = field(name="attachment_total_timeout", default=3_600.0)
    max_redirects: Annotated[
        int, Meta(ge=0, le=20, description="Most redirects that a download follows.")
    ] = field(name="attachment_redirects", default=5)
    max_attempts: Annotated[
        int, Meta(ge=1, description="Attempts to download an attachment before it is FAILED.")
    ] = field(name="attachment_attempts", default=8)
    allow: Annotated[
        str,
        Meta(
            description="Private hosts, addresses and networks that attachments may be downloaded "
            "from, separated by commas."
        ),
    ] = field(name="attachment_allow", default="")
    proxy: Annotated[
        str,
        Meta(description="Proxy for downloads; proxies of the environment are not used."),
    ] = field(name="attachment_proxy", default="")


class ExtractionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Text extraction from attachments."""

    processes: Annotated[
        int, Meta(ge=0, le=64, description="Simultaneous text extractions of a worker; 0 for none.")
    ] = field(name="attachment_text_processes", default=1)
    timeout: Annotated[
        float, Meta(gt=0, description="Longest time of one text extraction.", extra=_SECONDS)
    ] = field(name="attachment_text_seconds", default=120.0)
    memory: Annotated[
        int, Meta(ge=256 * _MIB, description="Most memory of one text extraction.", extra=_BYTES)
    ] = field(name="attachment_text_memory", default=_GIB)
    max_characters: Annotated[
        int,
        Meta(
            ge=1_000,
            le=100_000_000,
            description="Most text kept of one file.",
            extra={"unit": "characters"},
        ),
    ] = field(name="attachment_text_characters", default=5_000_000)
    user_id: Annotated[
        int,
        Meta(
            ge=0,
            le=4_294_967_294,
            description="User and group id as which files are read where Everlake runs as root; "
            "0 for root.",
        ),
    ] = field(name="attachment_text_user", default=65_534)


class TranscriptionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Transcription of audio and video attachments."""

    model: Annotated[
        str,
        Meta(description="Directory of the Whisper model. Empty: recordings are not transcribed."),
    ] = field(name="attachment_speech_model", default="")
    processes: Annotated[
        int, Meta(ge=0, le=64, description="Simultaneous transcriptions of a worker; 0 for none.")
    ] = field(name="attachment_speech_processes", default=1)
    threads: Annotated[int, Meta(ge=1, le=64, description="Threads of one transcription.")] = field(
        name="attachment_speech_threads", default=1
    )
    timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest time of one transcription; what is transcribed by then is kept.",
            extra=_SECONDS,
        ),
    ] = field(name="attachment_speech_seconds", default=3_600.0)
    memory: Annotated[
        int,
        Meta(
            ge=_GIB,
            description="Most memory of one transcription, the model included.",
            extra=_BYTES,
        ),
    ] = field(name="attachment_speech_memory", default=2 * _GIB)
    max_hours: Annotated[
        float,
        Meta(
            gt=0,
            description="Part of a recording that is transcribed, from its start.",
            extra=_HOURS,
        ),
    ] = field(name="attachment_speech_hours", default=4.0)

    @property
    def model_directory(self) -> Path | None:
        """Directory of the model as an absolute path; None if recordings are not transcribed."""
        return Path(self.model).expanduser().resolve() if self.model else None


class QuotaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Quotas of a workspace."""

    total_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Most bytes of records and attachments of a workspace; 0 for no limit.",
            extra=_BYTES,
        ),
    ] = field(name="quota_bytes", default=0)
    records_per_day: Annotated[
        int,
        Meta(
            ge=0,
            description="Most records that a workspace sends on a day (UTC); 0 for no limit.",
        ),
    ] = field(name="quota_records_per_day", default=0)


class UploadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Uploads."""

    lifetime_hours: Annotated[
        float,
        Meta(
            gt=0,
            description="Time in which an upload is sent and a record refers to it.",
            extra=_HOURS,
        ),
    ] = field(name="upload_hours", default=24.0)
    part_bytes: Annotated[
        int,
        Meta(ge=5 * _MIB, le=64 * _MIB, description="Size of a part of an upload.", extra=_BYTES),
    ] = field(name="upload_part_bytes", default=8 * _MIB)
    target: Annotated[
        Literal["bucket", "api"],
        Meta(description="Where clients upload to if the storage is S3: the bucket, or the API."),
    ] = field(name="upload_through", default="bucket")
    unused_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description=(
                "Most that a workspace announces in uploads before records refer to them; 0 for "
                "no limit."
            ),
            extra=_BYTES,
        ),
    ] = field(name="upload_unused_bytes", default=32 * _GIB)
    unused_count: Annotated[
        int,
        Meta(
            ge=0,
            description=(
                "Most uploads of a workspace to which no record refers yet; 0 for no limit."
            ),
        ),
    ] = field(name="upload_unused_count", default=10_000)
