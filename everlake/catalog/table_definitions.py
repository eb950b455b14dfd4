"""Tables of the catalog, as the newest migration leaves them.

Times are in Unix milliseconds, and ids are text. A test compares this module to the migrations.
"""

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from everlake.contract.batches import BatchStatus
from everlake.contract.errors import RecordError
from everlake.contract.permissions import Permission

NOTIFY_CHANNEL = "everlake_batches"
"""Channel of PostgreSQL's notifications that batches were inserted or changed."""

_encode = msgspec.json.Encoder().encode
_decode_errors = msgspec.json.Decoder(tuple[RecordError, ...]).decode
_decode_permissions = msgspec.json.Decoder(tuple[Permission, ...]).decode


TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared byte by byte, so that ids sort by time in any locale."""


class StatusText(TypeDecorator[BatchStatus]):
    """A :class:`BatchStatus`, stored as its value."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: BatchStatus | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value to store."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> BatchStatus | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value that is stored as ``value``."""
        return None if value is None else BatchStatus(value)


class ErrorsText(TypeDecorator[tuple[RecordError, ...]]):
    """Record errors, stored as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value to store."""
        return _encode(value).decode() if value else "[]"

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[RecordError, ...]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value that is stored as ``value``."""
        return _decode_errors(value) if value and value != "[]" else ()


class PermissionsText(TypeDecorator[tuple[Permission, ...]]):
    """Permissions, stored as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value to store."""
        return _encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Permission, ...]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value that is stored as ``value``."""
        return _decode_permissions(value or "[]")


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index(None, "workspace_id", "created_at", "id"),
)

projects = Table(
    "projects",
    metadata,
    Column("workspace_id", TEXT, nullable=False),
    Column("id", TEXT, nullable=False),
    Column("product_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "id"),
    ForeignKeyConstraint(["workspace_id", "product_id"], ["products.workspace_id", "products.id"]),
    Index(None, "workspace_id", "created_at", "id"),
    Index(None, "workspace_id", "product_id", "created_at", "id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("label", TEXT, nullable=False),
    Column("permissions", PermissionsText, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("hint", TEXT, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    UniqueConstraint("secret_hash"),
    Index(None, "workspace_id", "created_at", "id"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("status", StatusText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("key_id", TEXT, ForeignKey("api_keys.id"), nullable=False),
    Column("source", TEXT, nullable=False),
    Column("type", TEXT),
    Column("product_id", TEXT),
    Column("payload_format", TEXT),
    Column("accepted", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("total_errors", Integer, nullable=False),
    Column("errors", ErrorsText, nullable=False),
    Column("landing_path", TEXT),
    Column("landing_bytes", BigInteger, nullable=False),
    Column("rejected_path", TEXT),
    Column("attachment_total", Integer, nullable=False),
    Column("attachment_complete", Integer, nullable=False),
    Column("attachment_failed", Integer, nullable=False),
    # When the download of its first attachment began.
    Column("attachment_begun_at", BigInteger),
    Column("failure", TEXT),
    Column("lease_owner", TEXT),
    # When the batch may be claimed; while it is leased, the end of the lease. It is one column so
    # that all claimable batches are one range of an index.
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("landed_at", BigInteger),
    Column("completed_at", BigInteger),
    Column("traceparent", TEXT),
    UniqueConstraint("workspace_id", "sequence"),
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "status", "id"),
    Index(None, "workspace_id", "type", "id"),
    Index(None, "workspace_id", "source", "id"),
    Index("ix_batches_queue", "workspace_id", "status", "sequence", "due_at"),
    Index("ix_batches_due", "status", "due_at", "workspace_id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("key", TEXT, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("batch_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "key"),
    Index(None, "created_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("owner", TEXT),
    Column("fence", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key_id", TEXT, primary_key=True),
    # When the key's bucket is empty again, in seconds of the database's clock.
    Column("empty_at", Double, nullable=False),
)

# Generations of the tables of a lake in a bucket; on disk the directories have the same role.
lake_places = Table(
    "lake_places",
    metadata,
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), primary_key=True),
    # Generations are numbered from 1, and no number is used twice.
    Column("serving", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("building", BigInteger),
    Column("replaced", BigInteger),
    Column("keep", Boolean, nullable=False),
    Column("notes", LargeBinary),
)

lake_heads = Table(
    "lake_heads",
    metadata,
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    # Current version; later ones belong to a writer that died or lost its lease.
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "generation", "name"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("batch_id", TEXT, ForeignKey("batches.id"), nullable=False),
    # Position: the record's line in the landing object, and the place in that record.
    Column("line", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("filename", TEXT),
    Column("stated_size", BigInteger),
    Column("stated_type", TEXT),
    Column("sha1", TEXT),
    Column("md5", TEXT),
    Column("url", TEXT),
    Column("upload_id", TEXT),
    # Host of its URL, by which downloads of a workspace take turns; empty for an upload.
    Column("host", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("lease_owner", TEXT),
    # As in batches: the end of the lease, or the time of the next attempt.
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", TEXT),
    Column("error", TEXT),
    Column("size", BigInteger),
    Column("mime_type", TEXT),
    Column("sha256", TEXT),
    Column("completed_at", BigInteger),
    # Progress of its text; empty where its format has none. The work is a job.
    Column("text_status", TEXT),
    # Unused since revision 0006; kept for processes of the version before, until a later revision.
    Column("text_owner", TEXT),
    Column("text_due_at", BigInteger),
    Column("text_attempts", Integer, nullable=False),
    Column("text_error_code", TEXT),
    Column("text_error", TEXT),
    Column("indexed_at", BigInteger),
    UniqueConstraint("batch_id", "line", "place"),
    Index("ix_attachments_turns", "status", "workspace_id", "host", "due_at"),
    Index("ix_attachments_due", "status", "due_at"),
    Index(
        "ix_attachments_leased",
        "lease_owner",
        sqlite_where=text("lease_owner IS NOT NULL"),
        postgresql_where=text("lease_owner IS NOT NULL"),
    ),
    Index(
        "ix_attachments_text",
        "text_status",
        "text_due_at",
        sqlite_where=text("text_status IS NOT NULL"),
        postgresql_where=text("text_status IS NOT NULL"),
    ),
    Index("ix_attachments_upload", "upload_id"),
)

# Durable work other than batches and downloads. A job that is completed has no row.
jobs = Table(
    "jobs",
    metadata,
    Column("kind", TEXT, nullable=False),
    # What the job is about; for the kinds of text, the id of an attachment.
    Column("subject", TEXT, nullable=False),
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("state", TEXT, nullable=False),
    # As in batches: the end of the lease, or the time of the next attempt.
    Column("due_at", BigInteger, nullable=False),
    Column("lease_owner", TEXT),
    # Grows with each claim and each restart, so that a former holder is recognised.
    Column("fence", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", TEXT),
    Column("error", TEXT),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "subject"),
    Index("ix_jobs_due", "kind", "state", "due_at"),
    Index("ix_jobs_turns", "kind", "state", "workspace_id", "due_at"),
    Index(
        "ix_jobs_leased",
        "lease_owner",
        sqlite_where=text("lease_owner IS NOT NULL"),
        postgresql_where=text("lease_owner IS NOT NULL"),
    ),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("workspace_id", TEXT, ForeignKey("workspaces.id"), nullable=False),
    Column("key_id", TEXT, ForeignKey("api_keys.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("filename", TEXT),
    Column("size", BigInteger, nullable=False),
    Column("mime_type", TEXT),
    Column("sha256", TEXT),
    Column("part_size", BigInteger, nullable=False),
    # When all parts were received, and when a record first referred to it.
    Column("completed_at", BigInteger),
    Column("used_at", BigInteger),
    # Path and type of its content, once it is stored as an attachment.
    Column("content_sha256", TEXT),
    Column("content_type", TEXT),
    Index(None, "expires_at"),
    Index(
        "ix_uploads_unused",
        "workspace_id",
        "size",
        sqlite_where=text("used_at IS NULL"),
        postgresql_where=text("used_at IS NULL"),
    ),
)
