"""``everlake send``: files of records to a server."""
