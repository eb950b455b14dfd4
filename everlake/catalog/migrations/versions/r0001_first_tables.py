"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Workspaces with what they own, batches, and what keeps workers apart."""
    _create_owners()
    _create_batches()
    op.create_table(
        "idempotency",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_idempotency_workspaces"
        ),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "leases",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("owner", TEXT),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_owners() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_table(
        "products",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_products"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_products_workspaces"),
    )
    op.create_table(
        "projects",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("product_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_projects"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name="fk_projects_products",
        ),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("permissions", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspaces"),
    )
    for table in ("products", "projects", "api_keys"):
        op.create_index(
            f"ix_{table}_workspace_id_created_at_id", table, ["workspace_id", "created_at", "id"]
        )
    op.create_index(
        "ix_projects_workspace_id_product_id_created_at_id",
        "projects",
        ["workspace_id", "product_id", "created_at", "id"],
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("type", TEXT),
        sa.Column("product_id", TEXT),
        sa.Column("payload_format", TEXT),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("rejected", sa.Integer, nullable=False),
        sa.Column("total_errors", sa.Integer, nullable=False),
        sa.Column("errors", TEXT, nullable=False),
        sa.Column("landing_path", TEXT),
        sa.Column("landing_bytes", sa.BigInteger, nullable=False),
        sa.Column("rejected_path", TEXT),
        sa.Column("attachment_total", sa.Integer, nullable=False),
        sa.Column("attachment_complete", sa.Integer, nullable=False),
        sa.Column("attachment_failed", sa.Integer, nullable=False),
        sa.Column("failure", TEXT),
        sa.Column("lease_owner", TEXT),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("landed_at", sa.BigInteger),
        sa.Column("completed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("workspace_id", "sequence", name="uq_batches_workspace_id_sequence"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_batches_workspaces"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_batches_api_keys"),
    )
    op.create_index("ix_batches_workspace_id_id", "batches", ["workspace_id", "id"])
    for column in ("status", "type", "source"):
        op.create_index(
            f"ix_batches_workspace_id_{column}_id", "batches", ["workspace_id", column, "id"]
        )
    op.create_index("ix_batches_queue", "batches", ["workspace_id", "status", "sequence", "due_at"])
    op.create_index("ix_batches_due", "batches", ["status", "due_at", "workspace_id"])
