"""Alembic's home: how each version of the schema becomes the next."""
