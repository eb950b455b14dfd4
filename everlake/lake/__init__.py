"""The tables that are derived from the landing archive."""
