"""Export: SQL over the tables, and copies of them as Parquet."""
