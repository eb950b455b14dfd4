"""Relational catalog in SQLite or PostgreSQL: tables, migrations, and all SQL."""
