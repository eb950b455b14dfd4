"""Jobs: one table for durable work, first used to extract and index attachment texts.

This revision only adds. Columns ``text_owner``, ``text_due_at`` and ``text_attempts`` of
``attachments`` stay for processes of the version before, which may run until they are replaced.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_COPY_TEXT_QUEUE = """
INSERT INTO jobs (
    kind, subject, workspace_id, state, due_at, lease_owner, fence, attempts,
    error_code, error, created_at
)
SELECT
    CASE text_status
        WHEN 'RECORDING' THEN 'transcribe_recording'
        WHEN 'READY' THEN 'index_text'
        ELSE 'extract_text'
    END,
    id,
    workspace_id,
    CASE text_status WHEN 'FAILED' THEN 'FAILED' ELSE 'PENDING' END,
    COALESCE(text_due_at, 0),
    CASE text_status WHEN 'FAILED' THEN NULL ELSE text_owner END,
    CASE WHEN text_owner IS NULL THEN 0 ELSE 1 END,
    text_attempts,
    text_error_code,
    text_error,
    COALESCE(completed_at, due_at)
FROM attachments
WHERE text_status IN ('PENDING', 'RECORDING', 'READY', 'FAILED')
"""

# A due time of NULL keeps processes of the version before from claiming what is a job now. What
# one of them holds stays as it is: it may finish, or let its lease run out.
_HIDE_FROM_OLD_WORKERS = """
UPDATE attachments SET text_due_at = NULL
WHERE text_status IN ('PENDING', 'RECORDING', 'READY') AND text_owner IS NULL
"""


def upgrade() -> None:
    """Create the table and move the texts that wait into it."""
    op.create_table(
        "jobs",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("lease_owner", TEXT),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error_code", TEXT),
        sa.Column("error", TEXT),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("ix_jobs_due", "jobs", ["kind", "state", "due_at"])
    leased = sa.text("lease_owner IS NOT NULL")
    op.create_index(
        "ix_jobs_leased", "jobs", ["lease_owner"], sqlite_where=leased, postgresql_where=leased
    )
    op.execute(_COPY_TEXT_QUEUE)
    op.execute(_HIDE_FROM_OLD_WORKERS)
