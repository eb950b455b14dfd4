"""Indices by which workspaces take turns at downloads and jobs.

Processes of the version before claim downloads through ``ix_attachments_due`` from then on, which
takes them longer.
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create them, in place of the one by which hosts took turns."""
    columns = ["status", "workspace_id", "host", "due_at"]
    op.create_index("ix_attachments_turns", "attachments", columns)
    op.drop_index("ix_attachments_queue", "attachments")
    op.create_index("ix_jobs_turns", "jobs", ["kind", "state", "workspace_id", "due_at"])
