"""Add attachments with their progress, and uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Two tables, and when the first attachment of a batch was taken up."""
    op.add_column("batches", sa.Column("attachment_begun_at", sa.BigInteger))
    op.create_table(
        "attachments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("workspace_id", TEXT, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("batch_id", TEXT, sa.ForeignKey("batches.id"), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("filename", TEXT),
        sa.Column("stated_size", sa.BigInteger),
        sa.Column("stated_type", TEXT),
        sa.Column("sha1", TEXT),
        sa.Column("md5", TEXT),
        sa.Column("url", TEXT),
        sa.Column("upload_id", TEXT),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("lease_owner", TEXT),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error_code", TEXT),
        sa.Column("error", TEXT),
        sa.Column("size", sa.BigInteger),
        sa.Column("mime_type", TEXT),
        sa.Column("sha256", TEXT),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("text_status", TEXT),
        sa.Column("text_owner", TEXT),
        sa.Column("text_due_at", sa.BigInteger),
        sa.Column("text_attempts", sa.Integer, nullable=False),
        sa.Column("text_error_code", TEXT),
        sa.Column("text_error", TEXT),
        sa.Column("indexed_at", sa.BigInteger),
        sa.UniqueConstraint("batch_id", "line", "place"),
    )
    op.create_index("ix_attachments_queue", "attachments", ["status", "host", "due_at"])
    op.create_index("ix_attachments_due", "attachments", ["status", "due_at"])
    _create_partial_index("ix_attachments_leased", ["lease_owner"], "lease_owner IS NOT NULL")
    _create_partial_index(
        "ix_attachments_text", ["text_status", "text_due_at"], "text_status IS NOT NULL"
    )
    op.create_index("ix_attachments_upload", "attachments", ["upload_id"])
    op.create_table(
        "uploads",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("workspace_id", TEXT, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("key_id", TEXT, sa.ForeignKey("api_keys.id"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("filename", TEXT),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mime_type", TEXT),
        sa.Column("sha256", TEXT),
        sa.Column("part_size", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("content_sha256", TEXT),
        sa.Column("content_type", TEXT),
    )
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])


def _create_partial_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "attachments", columns, sqlite_where=where, postgresql_where=where)
