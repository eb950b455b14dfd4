"""Indices by which workspaces take turns at jobs."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create them."""
    op.create_index("ix_jobs_turns", "jobs", ["kind", "state", "workspace_id", "due_at"])
