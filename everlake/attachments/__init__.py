"""Attachments: fetched safely, uploaded, and read."""
