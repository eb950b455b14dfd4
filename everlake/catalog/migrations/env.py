"""Run by Alembic: migrate over the connection that :mod:`everlake.catalog.schema` hands in."""

from alembic import context

from everlake.catalog.table_definitions import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
