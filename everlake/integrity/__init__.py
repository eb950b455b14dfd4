"""Integrity: operations over the whole archive, catalog and tables of a workspace."""
