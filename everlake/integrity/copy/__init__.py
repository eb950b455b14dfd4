"""Copying of an archive to another storage."""
