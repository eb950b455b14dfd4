"""Integrity: operations over a whole workspace's archive, catalog and tables."""
