"""Objects by URL: synced put, get, list, stream, delete."""
