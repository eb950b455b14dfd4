"""Add the shared rate limit of keys, and notifications of changed batches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CHANNEL = "everlake_batches"


def upgrade() -> None:
    """Rate limits; on PostgreSQL a trigger that notifies listeners of changed batches."""
    op.create_table(
        "rate_limits",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("empty_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_rate_limits"),
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    # Numbers that are lost with the server are made up for within seconds: no log for them.
    op.execute("ALTER TABLE rate_limits SET UNLOGGED")
    op.execute(
        f"""
        CREATE FUNCTION everlake_tell_of_batches() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('{CHANNEL}', '');
            RETURN NULL;
        END $$
        """
    )
    # Not for a renewed lease, which is no news to anybody.
    op.execute(
        """
        CREATE TRIGGER tell_of_new_batches AFTER INSERT ON batches
        FOR EACH STATEMENT EXECUTE FUNCTION everlake_tell_of_batches()
        """
    )
    op.execute(
        """
        CREATE TRIGGER tell_of_changed_batches
        AFTER UPDATE OF status, attachment_complete, attachment_failed ON batches
        FOR EACH STATEMENT EXECUTE FUNCTION everlake_tell_of_batches()
        """
    )
