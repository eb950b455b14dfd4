"""Add the serving generation and the current table versions of a lake in a bucket."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Two tables, empty where the lake lies in a directory."""
    op.create_table(
        "lake_places",
        sa.Column("workspace_id", TEXT, sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("serving", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("building", sa.BigInteger),
        sa.Column("replaced", sa.BigInteger),
        sa.Column("keep", sa.Boolean, nullable=False),
        sa.Column("notes", sa.LargeBinary),
    )
    op.create_table(
        "lake_heads",
        sa.Column("workspace_id", TEXT, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "generation", "name"),
    )
