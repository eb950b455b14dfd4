"""Attachments: downloading, uploading, and text extraction of files."""
