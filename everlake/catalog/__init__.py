"""The relational side: tables, migrations, and one module a noun. All SQL lives here."""
