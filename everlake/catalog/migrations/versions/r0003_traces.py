"""Add the trace context of its request to a batch."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The column; empty for all batches that are there."""
    op.add_column("batches", sa.Column("traceparent", TEXT))
