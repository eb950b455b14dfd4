"""Operations: use cases that the HTTP API and the command line share."""
