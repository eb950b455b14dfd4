"""Default values that the settings share with other packages."""

DATABASE_TIMEOUT_SECONDS = 15.0
"""Longest wait for the database: for a lock, a connection, a statement."""
DATABASE_CONNECTIONS = 10
"""Most connections of one process to PostgreSQL."""
STORAGE_TIMEOUT_SECONDS = 60.0
"""Longest wait of a request for the storage; S3 calls give up before, by themselves."""
LAKE_TIMEOUT_SECONDS = 20.0
"""Longest wait of a request for the lake: for a search, or a page of records."""
DEFAULT_HOST = "127.0.0.1"
"""Address to listen on, and to send to."""
DEFAULT_PORT = 8400
"""Port to listen on, and to send to."""
