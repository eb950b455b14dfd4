"""Ingest: from a request body to a durable batch."""
