"""Alembic migrations of the catalog's schema."""
