"""Uploads: files that clients send before the records that name them."""
