"""Index by which a workspace's unused uploads are summed up before it announces another."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create it."""
    unused = sa.text("used_at IS NULL")
    op.create_index(
        "ix_uploads_unused",
        "uploads",
        ["workspace_id", "size"],
        sqlite_where=unused,
        postgresql_where=unused,
    )
