"""Export: read-only SQL over the tables, and copies of tables as Parquet."""
