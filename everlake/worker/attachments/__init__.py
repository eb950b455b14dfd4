"""Attachments of landed batches: listed, fetched, read, and written to the lake."""
