"""Attachments of landed batches: downloads, text extraction, and indexing in the lake."""
