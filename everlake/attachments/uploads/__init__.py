"""Uploads: files that clients send ahead of the records that reference them."""
