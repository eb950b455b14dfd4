"""A batch takes the name of its request's span with it, where traces are on."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The column; empty for all batches that are there."""
    op.add_column("batches", sa.Column("traceparent", TEXT))
